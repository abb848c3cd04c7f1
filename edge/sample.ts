/**
 * Some of many, each as likely as any other, in one pass (Vitter's algorithm R). Pure.
 */
export function sample<T>(
  items: Iterable<T>,
  count: number,
  isEligible: (item: T) => boolean,
  random: () => number,
): T[] {
  const chosen: T[] = []
  let seen = 0
  for (const item of items) {
    if (!isEligible(item)) continue
    seen += 1
    if (chosen.length < count) {
      chosen.push(item)
      continue
    }
    const place = Math.floor(random() * seen)
    if (place < count) chosen[place] = item
  }
  return chosen
}
