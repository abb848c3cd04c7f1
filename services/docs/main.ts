import { run } from '@hushryd/kernel/lifecycle.ts'
import { readDocsConfig } from './config.ts'
import { startDocs } from './service.ts'

await run((config) => startDocs(config), readDocsConfig)
