/** Tests share servers, so everything that a file creates carries its own prefix. */
import { randomBytes } from 'node:crypto'

/** Such as `t4f1c09ab`: fit for ids, keys, subjects, databases. */
export function uniquePrefix(): string {
  return `t${randomBytes(4).toString('hex')}`
}
