/**
 * Ctrl-C, SIGTERM, a closed terminal, and the end of the process that started this one.
 *
 * One Ctrl-C arrives up to three times: from the terminal, which signals the
 * whole group, from npm, and from the bootstrap. What comes within a moment is
 * therefore one wish.
 */
const ONE_WISH_MS = 500

export interface StopHandlers {
  readonly first: (why: string) => void
  readonly second: () => void
}

export function onStopSignals({ first, second }: StopHandlers): void {
  let firstAt: number | undefined
  const stop = (why: string) => {
    if (firstAt === undefined) {
      firstAt = Date.now()
      first(why)
    } else if (Date.now() - firstAt > ONE_WISH_MS) second()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal))
  // The bootstrap holds the other end of this channel; it carries nothing else.
  process.once('disconnect', () => {
    if (firstAt === undefined) stop('the process that started this one is gone')
  })
  process.channel?.unref()
  // A terminal that is gone must not end the orderly stop with EPIPE or EIO.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}
