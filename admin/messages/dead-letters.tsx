import type { Notification } from '../generated/types.ts'
import { Age } from '../parts/age.tsx'
import { PollState } from '../parts/poll-state.tsx'
import { Problem } from '../parts/problem.tsx'
import { useAction } from '../parts/use-action.ts'
import { useRoom } from '../parts/use-room.ts'
import { usePoll } from '../store/use-poll.ts'
import { useWords } from '../words/words.ts'

const READ_EVERY_MS = 5_000
const PAGE_SIZE = 100

/** Messages that were given up, each with the way to send it again. */
export function DeadLetters() {
  const words = useWords()
  const { operations } = useRoom()
  const polled = usePoll(
    () => operations.call.notify.listDeadLetters({ pageSize: PAGE_SIZE }),
    READ_EVERY_MS,
    'dead',
  )
  return (
    <>
      <h2>{words.messages.deadLetters}</h2>
      <PollState polled={polled}>
        {({ notifications }) =>
          notifications.length === 0 ? (
            <p class="empty">{words.messages.noDeadLetters}</p>
          ) : (
            <ul>
              {notifications.map((notification) => (
                <DeadLetter
                  key={notification.notificationId}
                  notification={notification}
                  onReplayed={polled.refresh}
                />
              ))}
            </ul>
          )
        }
      </PollState>
    </>
  )
}

function DeadLetter({ notification, onReplayed }: { notification: Notification; onReplayed: () => void }) {
  const words = useWords()
  const { operations } = useRoom()
  const { run, isBusy, problem } = useAction()
  const { notificationId, template, userId, priority, failure, acceptedAt, attempts, canReplay } =
    notification
  return (
    <li class="dead-letter" data-notification={notificationId}>
      <div class="dead-what">
        <b>{template}</b>
        <span>{userId}</span>
        <span class="badge">{priority}</span>
        <span class="soft">
          <Age atMs={acceptedAt} />
        </span>
      </div>
      <p class="bad">{failure}</p>
      {attempts.length > 0 && (
        <p class="soft">
          {words.messages.attempts}:{' '}
          {attempts
            .map(({ channel, provider, status, code }) => `${channel}/${provider} ${status} ${code}`.trim())
            .join(' · ')}
        </p>
      )}
      <button
        type="button"
        disabled={isBusy || !canReplay}
        title={canReplay ? undefined : words.messages.cannotReplay}
        onClick={() =>
          run(async () => {
            await operations.call.notify.replayDeadLetter({ notificationId })
            onReplayed()
          }, words.messages.replayed)
        }
      >
        {words.messages.replay}
      </button>
      {!canReplay && <p class="soft">{words.messages.cannotReplay}</p>}
      <Problem text={problem} />
    </li>
  )
}
