/**
 * Answers that several streams have alike, such as those of all who watch the
 * operations room on this edge: turned into JSON once, and into text once.
 */
import type { DescMessage } from '@bufbuild/protobuf'
import { answerToJson } from './json-codec.ts'
import type { JsonObject } from './json-object.ts'

/** The others get the same message within milliseconds. */
const REMEMBERED_MAX = 32
/** Larger ones are one caller's own, such as a map's first view. */
const SHARED_BYTES_MAX = 64 * 1024

export class SharedAnswers {
  readonly #known = new Map<string, JsonObject>()

  /** Nobody changes what this answers. */
  toJson(message: DescMessage, bytes: Uint8Array): JsonObject {
    if (bytes.length > SHARED_BYTES_MAX) return answerToJson(message, bytes)
    // Comparing bytes costs a hundredth of what turning them into JSON does.
    const key = `${message.typeName} ${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const answer = answerToJson(message, bytes)
    if (this.#known.size >= REMEMBERED_MAX) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    this.#known.set(key, answer)
    return answer
  }
}

const texts = new WeakMap<object, string>()

/** The value as JSON text, made once for all who send the very same object. */
export function sharedText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  let text = texts.get(value)
  if (text === undefined) {
    text = JSON.stringify(value)
    texts.set(value, text)
  }
  return text
}
