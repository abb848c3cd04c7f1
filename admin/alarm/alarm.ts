/**
 * The sound of an alert that nobody has taken: two rising tones, again and
 * again until somebody takes it. Browsers let no page make a sound before a
 * person has touched it; until then the state says so, and any touch helps.
 */
import { Store } from '../store/store.ts'

export type AlarmState =
  /** Nothing to tell. */
  | 'quiet'
  | 'sounding'
  /** Someone turned it off for this tab. */
  | 'muted'
  /** The browser waits for a click or a key. */
  | 'blocked'

const REPEAT_MS = 3_500
const TONES_HZ = [660, 880]
const TONE_S = 0.22
const VOLUME = 0.25
/** Tones that begin and end at once crackle. */
const EDGE_S = 0.02

function playTones(context: AudioContext): void {
  for (const [index, hz] of TONES_HZ.entries()) {
    const startS = context.currentTime + index * (TONE_S + 0.05)
    const tone = context.createOscillator()
    const volume = context.createGain()
    tone.frequency.value = hz
    volume.gain.setValueAtTime(0, startS)
    volume.gain.linearRampToValueAtTime(VOLUME, startS + EDGE_S)
    volume.gain.setValueAtTime(VOLUME, startS + TONE_S - EDGE_S)
    volume.gain.linearRampToValueAtTime(0, startS + TONE_S)
    tone.connect(volume).connect(context.destination)
    tone.start(startS)
    tone.stop(startS + TONE_S)
  }
}

export class Alarm {
  readonly state = new Store<AlarmState>('blocked')
  readonly #context = new AudioContext()
  readonly #onTouch = () => this.allow()
  #isWanted = false
  #isMuted = false
  #timer: ReturnType<typeof setInterval> | undefined

  constructor() {
    this.#context.addEventListener('statechange', () => this.#refresh())
    for (const type of ['pointerdown', 'keydown']) window.addEventListener(type, this.#onTouch)
    this.#refresh()
  }

  /** Called for a click or a key: only then a browser allows it. */
  allow(): void {
    if (this.#context.state === 'suspended') void this.#context.resume()
  }

  /** `hasNew`: there is one more than before, which sounds at once. */
  want(isWanted: boolean, hasNew: boolean): void {
    if (hasNew) this.#stop()
    this.#isWanted = isWanted
    this.#refresh()
  }

  mute(isMuted: boolean): void {
    this.#isMuted = isMuted
    this.#refresh()
  }

  close(): void {
    this.#stop()
    for (const type of ['pointerdown', 'keydown']) window.removeEventListener(type, this.#onTouch)
    void this.#context.close()
  }

  #refresh(): void {
    const state = this.#stateNow()
    if (state !== 'sounding') this.#stop()
    else if (this.#timer === undefined) {
      playTones(this.#context)
      this.#timer = setInterval(() => playTones(this.#context), REPEAT_MS)
    }
    this.state.set(state)
  }

  #stateNow(): AlarmState {
    if (this.#isMuted) return 'muted'
    if (this.#context.state !== 'running') return 'blocked'
    return this.#isWanted ? 'sounding' : 'quiet'
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
