/** Node's fastest way to put an ASCII text into a Buffer. */

/**
 * What `write(text, at, 'latin1')` calls after it has looked the encoding up,
 * which for texts as short as ids takes longer than the copy. Documented for
 * no release and present in all; a test holds it.
 */
interface Latin1Buffer {
  latin1Write(text: string, offset: number): number
}

/** Answers how many bytes were written, which for ASCII is the text's length. */
export function writeLatin1(out: Buffer, text: string, at: number): number {
  return (out as Buffer & Latin1Buffer).latin1Write(text, at)
}
