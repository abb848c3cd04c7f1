/** Renderers that are programs on the processor, by the names that browsers give them. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i

let answer: boolean | undefined

/**
 * Whether this machine has no GPU. A canvas that many things are drawn on is
 * then better left to the processor than to a program that plays a GPU on it.
 */
export function isWithoutGpu(): boolean {
  answer ??= look()
  return answer
}

function look(): boolean {
  const gl = document.createElement('canvas').getContext('webgl')
  if (gl === null) return true
  const names = gl.getExtension('WEBGL_debug_renderer_info')
  const renderer = String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER))
  // Browsers allow some sixteen contexts in a page.
  gl.getExtension('WEBGL_lose_context')?.loseContext()
  return SOFTWARE.test(renderer)
}
