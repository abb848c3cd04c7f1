/** Work in bounded width. */

/** `count` pieces of work, so many at once. */
export async function inTurn(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1
      await work(next - 1)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker))
}
