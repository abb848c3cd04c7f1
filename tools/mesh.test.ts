/** The mesh's table of who calls whom, held against the code that calls. */
import { expect, test } from 'vitest'
import { MEMBERS, type Member } from '../mesh/members.ts'
import { meshMethods } from '../mesh/rights.ts'
import { codeOf, readSources, workspaceOf } from './sources.ts'

const SOURCES = readSources().filter(({ path }) => !path.endsWith('.test.ts') && !path.includes('/testing/'))
const METHODS = meshMethods()

function codeOfMember({ name }: Member): string {
  const workspace = name === 'edge' ? 'edge' : `services/${name}`
  return SOURCES.filter(({ path }) => workspaceOf(path) === workspace)
    .map(({ text }) => codeOf(text))
    .join('\n')
}

/** Full names of the services of others whose definitions it imports: it does so to call them. */
function clientsIn(code: string, own: string): Set<string> {
  const names = new Set([...code.matchAll(/\b(\w+Service)Definition\b/g)].map(([, name]) => name))
  const others = METHODS.filter(({ member }) => member.name !== own).map(({ service }) => service)
  return new Set(others.filter((service) => names.has(service.split('.').at(-1))))
}

/** Those of their methods that it calls. */
function callsIn(code: string, service: string): string[] {
  const names = METHODS.filter((method) => method.service === service).map(
    ({ path }) => path.split('/')[2] ?? '',
  )
  return names.filter((name) => code.includes(`.${name.charAt(0).toLowerCase()}${name.slice(1)}(`)).sort()
}

test('each member may call what its code calls on its own behalf, and nothing more', () => {
  const inCode: Record<string, string[]> = {}
  const inTable: Record<string, string[]> = {}
  for (const member of MEMBERS) {
    const code = codeOfMember(member)
    for (const service of clientsIn(code, member.name))
      inCode[`${member.name} → ${service}`] = callsIn(code, service)
    for (const [service, methods] of Object.entries(member.calls ?? {})) {
      inTable[`${member.name} → ${service}`] = [...methods].sort()
    }
  }
  expect(inTable).toEqual(inCode)
})
