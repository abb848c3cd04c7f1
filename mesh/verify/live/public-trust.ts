/** Lets this process's own clients believe the certificate of the local gateway. */
import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

export function trustPublicly(rootFile: string): void {
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(rootFile, 'utf8')])
}
