import { run } from '@hushryd/kernel/lifecycle.ts'
import { readHistoryConfig } from './config.ts'
import { startHistory } from './history-service.ts'

await run((config) => startHistory(config), readHistoryConfig)
