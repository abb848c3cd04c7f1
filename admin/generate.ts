/** Writes admin/generated/ from gen/descriptors.binpb: the types and tables of what operations may call. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { readContract } from '../sdk/generate/contract.ts'
import { methodTablesText } from '../sdk/generate/tables-text.ts'
import { typesText } from '../sdk/generate/types-text.ts'

/** Of hushryd.options.v1.Audience: admins, who may also do what anyone may. */
const OPERATIONS: ReadonlySet<number> = new Set([3])
const NOTICE = '// Generated from the proto files by admin/generate.ts. Do not edit.\n\n'

const contract = readContract(new URL('../gen/descriptors.binpb', import.meta.url), OPERATIONS)
const folder = new URL('generated/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('types.ts', folder), typesText(contract, '../../sdk'))
writeFileSync(new URL('methods.ts', folder), NOTICE + methodTablesText(contract.methods))
