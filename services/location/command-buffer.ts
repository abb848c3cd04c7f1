/** Writes Redis commands into one Buffer, made of unchanging fronts and changing tails. */
import { writeLatin1 } from '@hushryd/kernel/wire/latin1.ts'

const GROWTH = 2

export class CommandBuffer {
  #buffer: Buffer
  #at = 0
  #replies = 0

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafe(bytes)
  }

  get replies(): number {
    return this.#replies
  }

  /** What was written; valid until the next reset. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * GROWTH, this.#at + bytes))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }

  /** A command, or the front of one. Each command begins with exactly one of these. */
  begin(front: Buffer): void {
    this.#reserve(front.length)
    this.#at += front.copy(this.#buffer, this.#at)
    this.#replies++
  }

  /** One argument, of ASCII characters. */
  text(word: string): void {
    this.#reserve(word.length + 16)
    this.#at += writeLatin1(this.#buffer, `$${word.length}\r\n${word}\r\n`, this.#at)
  }

  /** One argument, copied from part of a buffer. */
  bytesOf(source: Buffer, start: number, end: number): void {
    const length = end - start
    this.#reserve(length + 16)
    this.#at += writeLatin1(this.#buffer, `$${length}\r\n`, this.#at)
    this.#at += source.copy(this.#buffer, this.#at, start, end)
    this.#buffer[this.#at++] = 13
    this.#buffer[this.#at++] = 10
  }
}
