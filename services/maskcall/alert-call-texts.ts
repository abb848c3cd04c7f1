/** What an emergency contact hears when the phone rings about an alert. Pure. */

export interface SpokenText {
  /** BCP 47, as providers name the language. */
  readonly language: 'en-IN' | 'hi-IN' | 'te-IN'
  readonly text: string
}

interface Wording {
  readonly language: SpokenText['language']
  /** Who it is where no name is known. */
  readonly someone: string
  readonly say: (name: string) => string
}

const ENGLISH: Wording = {
  language: 'en-IN',
  someone: 'Someone who named you as an emergency contact',
  say: (name) =>
    `This is HushRyd. ${name} has asked for help. You have been sent a message with a link to where they are. Please open it now, or call 1 1 2.`,
}

/** By the language of a locale such as hi-IN; English is the fallback. */
const WORDINGS: Readonly<Record<string, Wording>> = {
  hi: {
    language: 'hi-IN',
    someone: 'जिसने आपको आपातकालीन संपर्क बनाया है, उस व्यक्ति',
    say: (name) =>
      `यह HushRyd है। ${name} ने मदद माँगी है। आपको एक संदेश भेजा गया है, जिसमें उनकी जगह का लिंक है। कृपया उसे अभी खोलें, या 1 1 2 पर कॉल करें।`,
  },
  te: {
    language: 'te-IN',
    someone: 'మిమ్మల్ని అత్యవసర పరిచయంగా పేర్కొన్న వ్యక్తి',
    say: (name) =>
      `ఇది HushRyd. ${name} సహాయం కోరారు. వారు ఉన్న చోటి లింక్‌తో మీకు సందేశం పంపాము. దయచేసి ఇప్పుడే తెరవండి, లేదా 1 1 2 కు కాల్ చేయండి.`,
  },
}

export function alertCallText(locale: string, name: string): SpokenText {
  const [language = ''] = locale.toLowerCase().split(/[-_]/)
  const wording = Object.hasOwn(WORDINGS, language) ? WORDINGS[language] : undefined
  const { language: spoken, say, someone } = wording ?? ENGLISH
  return { language: spoken, text: say(name || someone) }
}
