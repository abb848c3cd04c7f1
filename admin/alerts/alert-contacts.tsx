import type { Alert, ContactStep } from '../generated/types.ts'
import { ClockTime } from '../parts/age.tsx'
import { useWords } from '../words/words.ts'

function byContact(steps: readonly ContactStep[]): [number, ContactStep[]][] {
  return [...Map.groupBy(steps, ({ contact }) => contact)].sort(([a], [b]) => a - b)
}

/** What the emergency contacts were told. Who they are stays in the directory. */
export function AlertContacts({ alert: { contacts, contactsReached, hasNoContacts } }: { alert: Alert }) {
  const words = useWords()
  return (
    <section class="block" aria-label={words.alerts.contacts}>
      <h3>{words.alerts.contacts}</h3>
      {hasNoContacts ? (
        <p class="notice notice-warning">{words.alerts.noContacts}</p>
      ) : (
        <p class={contactsReached === 0 ? 'warn' : 'good'}>{words.alerts.contactsReached(contactsReached)}</p>
      )}
      {byContact(contacts).map(([contact, steps]) => (
        <div key={contact} class="contact">
          <h4>{words.alerts.contact(contact + 1)}</h4>
          <ul>
            {steps.map(({ channel, status, at }) => (
              <li key={channel}>
                <span>{channel}</span> <b class={`step step-${status}`}>{status}</b>{' '}
                <span class="soft">
                  <ClockTime atMs={at} />
                </span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  )
}
