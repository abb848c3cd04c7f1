/** The program in a process of its own, apart from those of other tests on the same servers. */
import { run } from '@hushryd/kernel/lifecycle.ts'
import { readDocsConfig } from '../config.ts'
import { startDocs } from '../service.ts'

const [, , namespace = ''] = process.argv
await run((config) => startDocs(config, { namespace }), readDocsConfig)
