import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTemplate } from './path-template.ts'

const literal = fc.stringMatching(/^[A-Za-z0-9_.~-]{1,8}$/).filter((text) => !/^\.+$/.test(text))
const value = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => text.isWellFormed())
const segment = fc.oneof(
  literal.map((text) => ({ template: text, path: text, value: undefined })),
  value.map((text) => ({ template: '', path: encodeURIComponent(text), value: text })),
)

describe('a path template', () => {
  it('gives back every value that was put into its variables', () => {
    const segments = fc.array(segment, { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(segments, fc.option(literal), (parts, verb) => {
        const end = verb === null ? '' : `:${verb}`
        const names = parts.map((part, index) => (part.value === undefined ? part.template : `{f${index}}`))
        const template = parseTemplate(`/${names.join('/')}${end}`)
        expect(template.match(`/${parts.map(({ path }) => path).join('/')}${end}`)).toEqual(
          parts.flatMap(({ value: given }) => (given === undefined ? [] : [given])),
        )
      }),
    )
  })

  it.each([
    ['/v1/sos/{alert_id}:acknowledge', '/v1/sos/a1:acknowledge', ['a1']],
    ['/v1/sos/{alert_id}:acknowledge', '/v1/sos/a%3A1:acknowledge', ['a:1']],
    ['/v1/sos/{alert_id}:acknowledge', '/v1/sos/a1', undefined],
    ['/v1/sos/{alert_id}', '/v1/sos/a:1', ['a:1']],
    ['/v1/sos/{alert_id}', '/v1/sos/', undefined],
    ['/v1/sos/{alert_id}', '/v1/sos/a/b', undefined],
    ['/v1/sos/{alert_id}', '/v1/sos/a%2Fb', ['a/b']],
    ['/v1/sos:watch', '/v1/sos:watch', []],
    ['/v1/{name=trips/*/shares/*}', '/v1/trips/a/shares/b', ['trips/a/shares/b']],
    ['/v1/{name=files/**}', '/v1/files/a/b/c', ['files/a/b/c']],
    ['/v1/{trip.id}/x.y', '/v1/t/x.y', ['t']],
    ['/v1/{trip.id}/x.y', '/v1/t/xzy', undefined],
  ])('%s matches %s as %j', (template, path, expected) => {
    expect(parseTemplate(template).match(path)).toEqual(expected)
  })

  it('throws where a value is not percent-encoded UTF-8', () => {
    expect(() => parseTemplate('/v1/{a}').match('/v1/%ff')).toThrow(URIError)
  })

  it.each(['v1/x', '/v1//x', '/v1/{}', '/v1/{Bad}', '/v1/a b', '/v1/{a=b c}', '/v1/{a', '/v1/x:{a}'])(
    'refuses %s',
    (text) => {
      expect(() => parseTemplate(text)).toThrow()
    },
  )
})
