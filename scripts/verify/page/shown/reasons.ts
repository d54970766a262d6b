/** What the verifier says, in the reader's language. */
import { inLanguage } from '#schemas/fault-languages.ts'
import { kept } from '#schemas/said.ts'
import { language, textIfAny } from './texts.ts'

/** Stands between the findings of a list, as the verifier writes it. */
const BETWEEN = '; '
/** Stands before the reason of a bundle in an export. */
const SUB_INDICATION = /^([A-Z][A-Z_]+) (?=\S)/

/** A reason in the reader's language; undefined where there are no words of ours for it. */
export function reasonInWords(english: string): string | undefined {
  if (language === 'en') return english
  const [before = '', code = ''] = SUB_INDICATION.exec(english) ?? []
  if (code !== '' && textIfAny(code) !== undefined) {
    const reason = reasonInWords(english.slice(before.length))
    return reason && `${before}${reason}`
  }
  // A list as a whole may fit the last place of a template, with what follows in English.
  const parts = english.split(BETWEEN)
  const said = parts.map((part) => inLanguage(kept(part), language))
  if (said.every((each, at) => each !== parts[at])) return said.join(BETWEEN)
  const whole = inLanguage(kept(english), language)
  return whole === english ? undefined : whole
}
