import { describe, expect, it } from 'vitest'
import { pageSettingsOf } from './page-settings.ts'

const ORIGIN = 'http://localhost:8081'
const LOCAL = [
  'http://127.0.0.1:8080',
  'http://localhost:8080',
  'http://127.0.0.1:8081',
  'http://localhost:8081',
]

describe('what the page is told', () => {
  it('names its own edge first, and the others of the host that it was opened on', () => {
    expect(pageSettingsOf({ endpoints: LOCAL, testAlertUrl: '' }, ORIGIN)).toEqual({
      endpoints: ['http://localhost:8081', 'http://localhost:8080'],
      testAlertUrl: undefined,
    })
  })

  it('is left aside by a page that was opened by another address, which may lead to all edges', () => {
    const { endpoints } = pageSettingsOf({ endpoints: LOCAL }, 'https://ops.example')
    expect(endpoints).toEqual(['https://ops.example'])
  })

  it.each([undefined, null, 'text', {}, { endpoints: 'x', testAlertUrl: 7 }, []])(
    'leaves its own edge and no demo where the answer is %j',
    (told) => {
      expect(pageSettingsOf(told, ORIGIN)).toEqual({ endpoints: [ORIGIN], testAlertUrl: undefined })
    },
  )

  it('says where the demo takes test alerts', () => {
    const testAlertUrl = 'http://127.0.0.1:8091/alert'
    expect(pageSettingsOf({ endpoints: [], testAlertUrl }, ORIGIN).testAlertUrl).toBe(testAlertUrl)
  })
})
