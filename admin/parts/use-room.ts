import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Room } from '../room.ts'
import { useNow } from '../store/use-now.ts'

export const RoomContext = createContext<Room | undefined>(undefined)

export function useRoom(): Room {
  const room = useContext(RoomContext)
  if (room === undefined) throw new Error('nobody is signed in here')
  return room
}

/** The server's time, each second. */
export function useServerNow(): number {
  return useNow(useRoom().nowMs)
}
