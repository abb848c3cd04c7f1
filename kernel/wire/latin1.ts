/** Node's fastest way to put an ASCII text into a Buffer and to take one out. */

/**
 * What `write(text, at, 'latin1')` and `toString('latin1')` call after they
 * have looked the encoding up, which for texts as short as ids takes longer
 * than the copy. Documented for no release and present in all; a test holds it.
 */
interface Latin1Buffer {
  latin1Write(text: string, offset: number): number
  latin1Slice(start: number, end: number): string
}

/** Answers how many bytes were written, which for ASCII is the text's length. */
export function writeLatin1(out: Buffer, text: string, at: number): number {
  return (out as Buffer & Latin1Buffer).latin1Write(text, at)
}

export function readLatin1(input: Buffer, start: number, end: number): string {
  return (input as Buffer & Latin1Buffer).latin1Slice(start, end)
}
