import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONTENT_TYPES } from './document.ts'
import { contentDisposition, safeFileName } from './file-name.ts'

describe('a file name that others will see', () => {
  it.for([
    ['licence.jpg', 'licence.jpg'],
    ['लाइसेंस.png', 'लाइसेंस.jpg'],
    ['../../etc/passwd', '_.._etc_passwd.jpg'],
    ['photo.jpg.exe', 'photo.jpg.jpg'],
    ['evil\u202egpj.exe', 'evil_gpj.jpg'],
    ['a"; filename="b.html', 'a__ filename=_b.jpg'],
    ['...', 'document.jpg'],
    ['', 'document.jpg'],
  ] as const)('%j becomes %j', ([name, safe]) => {
    expect(safeFileName(name, 'image/jpeg')).toBe(safe)
  })

  it('fits a header, whatever the client has called it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom(...CONTENT_TYPES),
        (name, type) => {
          const header = contentDisposition(name, type)
          expect(header).toMatch(
            /^inline; filename="[\x20\x21\x23-\x5b\x5d-\x7e]+"; filename\*=UTF-8''[A-Za-z0-9_.~%'-]+$/,
          )
          expect(header.length).toBeLessThan(1_200)
          const [, encoded = ''] = header.split("UTF-8''")
          expect(decodeURIComponent(encoded)).toBe(safeFileName(name, type))
        },
      ),
    )
  })
})
