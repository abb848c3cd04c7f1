import { useEffect, useState } from 'preact/hooks'

/** The time, anew each second: for timers and ages. */
export function useNow(nowMs: () => number, everyMs = 1_000): number {
  const [now, setNow] = useState(nowMs)
  useEffect(() => {
    const timer = setInterval(() => setNow(nowMs()), everyMs)
    return () => clearInterval(timer)
  }, [nowMs, everyMs])
  return now
}
