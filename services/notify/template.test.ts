import { DomainError } from '@hushryd/kernel/error.ts'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Channel } from './provider.ts'
import { countSegments } from './sms-text.ts'
import { channelsOf, LANGUAGES, readData, render, requiredOf, type Template } from './template.ts'
import { readTemplates, type Templates } from './template-files.ts'

let templates: Templates
const zone = 'Asia/Kolkata'
const time = Date.parse('2026-11-24T14:46:00+05:30')

beforeAll(async () => {
  templates = await readTemplates()
})

function get(name: string): Template {
  const template = templates.find(name)
  if (template === undefined) throw new Error(`no template ${name}`)
  return template
}

function write(name: string, channel: Channel, locale: string, data: Record<string, string | number>) {
  const content = render(get(name), { channel, locale, data, personName: 'Asha Rao', zone })
  if (content === undefined) throw new Error('it cannot be rendered')
  return content
}

describe('the templates that are here', () => {
  it('say the same in English, Hindi and Telugu, over the same channels', () => {
    expect(templates.list().map(({ name }) => name)).toEqual([
      'document_rejected',
      'ride_update',
      'sos_alert',
      'sos_escalation',
      'trip_share',
    ])
    for (const template of templates.list()) {
      for (const language of LANGUAGES) {
        const texts = template.texts[language]
        expect(texts.language).toBe(language)
        expect(Object.keys(texts.defaults)).toEqual(Object.keys(template.texts.en.defaults))
        const written = channelsOf({ ...template, texts: { ...template.texts, en: texts } })
        expect(written, template.name).toEqual(channelsOf(template))
      }
    }
  })

  it('are registered for whatever their variables hold', () => {
    const value = fc.string({ unit: 'grapheme', maxLength: 400 })
    for (const template of templates.list()) {
      const names = Object.keys(template.variables)
      fc.assert(
        fc.property(
          fc.constantFrom(...LANGUAGES),
          value,
          fc.record(Object.fromEntries(names.map((name) => [name, value]))),
          (locale, personName, given) => {
            let data: ReturnType<typeof readData>
            try {
              data = readData(template, { ...given, ...(names.includes('time') ? { time } : {}) }, 'data')
            } catch (error) {
              // Too long for a variable that is not cut, or blank: refused at queueing.
              if (error instanceof DomainError) return
              throw error
            }
            expect(render(template, { channel: 'sms', locale, data, personName, zone })).toBeDefined()
          },
        ),
        { numRuns: 100 },
      )
    }
  })
})

describe('an alert', () => {
  const data = { time, link: 'https://ride.example/s/abc' }

  it('is in the recipient’s language, with the time as it is written there', () => {
    expect(write('sos_alert', 'sms', 'en-IN', data).text).toBe(
      'SOS from HushRyd: Asha Rao needs help. Raised 24 Nov, 2:46 pm. Live location: https://ride.example/s/abc Call them now. If you cannot reach them, dial 112.',
    )
    expect(write('sos_alert', 'sms', 'hi', data).text).toContain('Asha Rao को मदद चाहिए')
    expect(write('sos_alert', 'sms', 'te-IN', data).text).toContain('Asha Rao గారికి సహాయం కావాలి')
    expect(write('sos_alert', 'sms', 'kn', data).text).toContain('needs help')
    expect(countSegments(write('sos_alert', 'sms', 'en', data).text)).toBe(1)
  })

  it('goes out without a link and without a name', () => {
    const content = render(get('sos_alert'), {
      channel: 'sms',
      locale: 'hi',
      data: { time },
      personName: '',
      zone,
    })
    expect(content?.text).toContain('HushRyd के एक यात्री को मदद चाहिए')
    expect(content?.text).toContain('अभी पता नहीं')
  })

  it('fills WhatsApp’s places in order, and gives MSG91 its values', () => {
    expect(write('sos_alert', 'whatsapp', 'te', data).template).toEqual({
      name: 'sos_alert',
      language: 'te',
      params: ['Asha Rao', expect.stringContaining('2:46'), 'https://ride.example/s/abc'],
    })
    expect(write('sos_alert', 'sms', 'en', data).dlt?.variables).toEqual([
      'Asha Rao',
      '24 Nov, 2:46 pm',
      'https://ride.example/s/abc',
      '',
      '',
      '',
      '',
    ])
  })
})

describe('variables', () => {
  it('that are needed and missing are named', () => {
    expect(requiredOf(get('sos_alert'))).toEqual(['time'])
    expect(() => readData(get('trip_share'), {}, 'data')).toThrow(/data\.link/)
    expect(() => readData(get('sos_alert'), { time: 'soon' }, 'data')).toThrow(/data\.time/)
    expect(() => readData(get('trip_share'), { link: 'x'.repeat(151) }, 'data')).toThrow(/data\.link/)
  })

  it('that are times lie within what can be written as one', () => {
    expect(() => readData(get('sos_alert'), { time: 1_790_000_000_000_000_000 }, 'data')).toThrow(
      /data\.time/,
    )
    expect(readData(get('sos_alert'), { time: 8.64e15 }, 'data')).toEqual({ time: 8.64e15 })
  })

  it('are cut between characters', () => {
    const personName = `${'x'.repeat(27)}🌸🌸`
    const content = render(get('sos_alert'), {
      channel: 'sms',
      locale: 'en',
      data: { time },
      personName,
      zone,
    })
    expect(content?.text).toContain(`: ${'x'.repeat(27)}.. needs help.`)
  })

  it('that must not be cut are whole but in an SMS, which does without', () => {
    const link = `https://ride.example/s/${'x'.repeat(150)}`
    expect(write('sos_alert', 'whatsapp', 'en', { time, link }).template?.params[2]).toBe(link)
    expect(write('sos_alert', 'email', 'en', { time, link }).text).toContain(link)
    expect(write('sos_alert', 'sms', 'en', { time, link }).text).toContain(
      'Live location: not known yet Call',
    )
  })

  it('that nobody knows are left out, and the name comes from nobody but the directory', () => {
    expect(readData(get('trip_share'), { link: 'l', name: 'Mallory', more: 1 }, 'data')).toEqual({
      link: 'l',
    })
  })

  it('stay one line, and stay text in HTML', () => {
    const email = write('ride_update', 'email', 'en', { update: 'a\r\nBcc: x <b>&"https://x.example/?a=1"' })
    expect(email.text).toContain('a Bcc: x')
    expect(email.html).toContain('&lt;b&gt;&amp;&quot;<a href="https://x.example/?a=1')
    expect(email.html).not.toContain('<b>')
  })
})
