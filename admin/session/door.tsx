import { useEffect, useState } from 'preact/hooks'
import type { HushrydError } from '../../sdk/error.ts'
import { RoomContext } from '../parts/use-room.ts'
import { Room } from '../room.ts'
import { language } from '../shell/preferences.ts'
import { Shell } from '../shell/shell.tsx'
import { useStore } from '../store/use-store.ts'
import type { Words } from '../words/en.ts'
import { LANGUAGES, WordsContext } from '../words/words.ts'
import type { PageSettings } from './page-settings.ts'
import { SignIn } from './sign-in.tsx'
import { findToken, forgetToken, keepToken, type Tab } from './token.ts'

type Refusal = 'none' | 'notAdmin' | 'refused'

function refusalOf({ code }: HushrydError): Refusal {
  return code === 'PERMISSION_DENIED' ? 'notAdmin' : 'refused'
}

function refusalText(refusal: Refusal, { signIn }: Words): string {
  return refusal === 'none' ? '' : signIn[refusal]
}

/** Either someone is on duty, and sees the room, or the door. */
export function Door({ tab, settings }: { tab: Tab; settings: Promise<PageSettings> }) {
  const words = LANGUAGES[useStore(language)]
  const [token, setToken] = useState(() => findToken(tab))
  const [room, setRoom] = useState<Room>()
  const [userId, setUserId] = useState('')
  const [refusal, setRefusal] = useState<Refusal>('none')

  const leave = (why: Refusal) => {
    forgetToken(tab)
    setRefusal(why)
    setToken(undefined)
  }

  useEffect(() => {
    if (token === undefined) return undefined
    let close: (() => void) | undefined
    let isOver = false
    void settings.then((told) => {
      if (isOver) return
      const opened = new Room({ settings: told, token, onRefused: (error) => leave(refusalOf(error)) })
      const stop = opened.userId.subscribe(setUserId)
      setRoom(opened)
      close = () => {
        stop()
        opened.close()
      }
    })
    return () => {
      isOver = true
      close?.()
      setRoom(undefined)
      setUserId('')
    }
  }, [token, settings])

  return (
    <WordsContext.Provider value={words}>
      {room !== undefined && userId !== '' ? (
        <RoomContext.Provider value={room}>
          <Shell onLeave={() => leave('none')} />
        </RoomContext.Provider>
      ) : (
        <SignIn
          isChecking={token !== undefined}
          room={room}
          refusal={refusalText(refusal, words)}
          onCancel={() => leave('none')}
          onToken={(given) => {
            keepToken(tab, given)
            setRefusal('none')
            setToken(given)
          }}
        />
      )}
    </WordsContext.Provider>
  )
}
