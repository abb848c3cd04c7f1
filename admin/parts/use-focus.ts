import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** For a field that appears because a person has asked for it: the focus goes there, once. */
export function useFocus<T extends HTMLElement>(): RefObject<T | null> {
  const element = useRef<T>(null)
  useEffect(() => element.current?.focus(), [])
  return element
}
