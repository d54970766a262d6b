/**
 * Writes a letter in the person's language. It says that data was used, how often and by how many, or that a
 * complaint was answered; never by whom, of what, or whose.
 */
import { fillText } from '#core/mail/fill-text.ts'
import type { NoticeLanguage } from '#schemas/notices.ts'
import en from './texts/en.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import ko from './texts/ko.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

/** `parties` is 0 where nothing may be said of them. */
export type UsesTold = { uses: number; parties: number; isMore: boolean; isLast: boolean }

export type LetterContent =
  | { kind: 'code'; code: string }
  | ({ kind: 'uses' } & UsesTold)
  | { kind: 'complaint' }

type Texts = Record<keyof typeof en, string>

const TEXTS: Record<NoticeLanguage, Texts> = { en, et, ko, uk }

export function renderLetter(
  content: LetterContent,
  q: { language: NoticeLanguage; portal: string; stopAt: string },
): { subject: string; text: string } {
  const texts = TEXTS[q.language]
  const places = { portal: q.portal, stop: q.stopAt }
  const fill = (name: keyof typeof en, fields: Record<string, string> = {}): string =>
    fillText(texts[name], { ...places, ...fields })
  const signed = (parts: string[]): string => `${parts.join('\n\n')}\n\n-- \n${texts.signature}\n`
  if (content.kind === 'code') {
    const code = `${content.code.slice(0, 4)} ${content.code.slice(4)}`
    return { subject: texts['code.subject'], text: signed([fill('code.body', { code })]) }
  }
  if (content.kind === 'complaint')
    return {
      subject: texts['complaint.subject'],
      text: signed([fill('complaint.body'), fill('uses.stop')]),
    }
  const { parties, isMore, isLast } = content
  const counts = { uses: String(content.uses), parties: String(parties) }
  return {
    subject: texts['uses.subject'],
    text: signed([
      fill(parties === 0 ? 'uses.unnamed' : 'uses.body', counts),
      ...(isMore ? [fill('uses.more')] : []),
      ...(isLast ? [fill('uses.last')] : []),
      fill('uses.stop'),
    ]),
  }
}
