import { run } from '@hushryd/kernel/lifecycle.ts'
import { readConfig } from './config.ts'
import { startEdge } from './service.ts'

await run((config) => startEdge(config), readConfig)
