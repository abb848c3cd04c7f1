/** Writes sdk/generated/ from gen/descriptors.binpb: the types and tables of what apps may call. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { APP_AUDIENCES, readContract } from './generate/contract.ts'
import { tablesText } from './generate/tables-text.ts'
import { typesText } from './generate/types-text.ts'

const contract = readContract(new URL('../gen/descriptors.binpb', import.meta.url), APP_AUDIENCES)
const folder = new URL('generated/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('types.ts', folder), typesText(contract))
writeFileSync(new URL('tables.ts', folder), tablesText(contract))
