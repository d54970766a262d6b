/** Writes a letter: what ends and when, what stops then, who has to do what, and where. */
import { fillText } from '#core/mail/fill-text.ts'
import { textFor, writtenNumber, writtenTime } from '#core/mail/in-language.ts'
import { inLanguage } from '#schemas/fault-languages.ts'
import { kept } from '#schemas/said.ts'
import { daysLeft, type Thing } from './rules.ts'
import type { LetterLanguage } from './settings.ts'
import en from './texts/en.json' with { type: 'json' }
import es from './texts/es.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import fi from './texts/fi.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

type Texts = Record<keyof typeof en, string>

const TEXTS: Record<LetterLanguage, Texts> = { en, es, et, fi, uk }
const MOST_SUBJECT = 200
/** Names of others are cut, so that no subject is longer than its line. */
const MOST_NAME = 300
/** What a renewal says of why it is late: its step, and what failed or when its next step is due. */
const LATE = /^([A-Z]+): (?:next_at (\S+)|(.*))$/s

/** `endsAt` in ISO form; `node` is empty for what no single node has; `console` is where the pages are. */
export function renderLetter(
  q: { kind: Thing['kind']; name: string; endsAt: string; overdue: string | null; node: string },
  {
    language,
    server,
    console,
    now,
  }: { language: LetterLanguage; server: string; console: string; now: number },
): { subject: string; text: string } {
  const texts = TEXTS[language]
  const days = daysLeft(Date.parse(q.endsAt), now)
  const what = fillText(texts[`${q.kind}.what`], { name: q.name.slice(0, MOST_NAME) })
  const fields = {
    ...{ what, server, count: writtenNumber(days, language), ends: writtenTime(q.endsAt, language) },
    atNode: q.node === '' ? '' : fillText(texts.atNode, { node: q.node }),
    stops: texts[`${q.kind}.stops`],
    todo: texts[`${q.kind}.todo`],
    place: fillText(texts[`${q.kind}.place`], { console }),
  }
  const isOver = Date.parse(q.endsAt) <= now
  const parts = [
    fillText(texts.body, fields),
    ...(q.overdue === null ? [] : [lateWords(q.overdue, language)]),
    `-- \n${fillText(texts.signature, { server })}\n`,
  ]
  const subject = isOver ? texts['subject.ended'] : textFor(texts, 'subject.ahead', { count: days, language })
  return { subject: fillText(subject, fields).slice(0, MOST_SUBJECT), text: parts.join('\n\n') }
}

/** Why a renewal is late, in the words of the language; as it was said where its step is unknown. */
function lateWords(overdue: string, language: LetterLanguage): string {
  const texts = TEXTS[language]
  const [, code = '', at, why = ''] = LATE.exec(overdue) ?? []
  const step = `step.${code}`
  if (!isText(step)) return fillText(texts.overdue, { overdue })
  const said =
    at === undefined
      ? inLanguage(kept(why), language)
      : fillText(texts['overdue.next'], { at: writtenTime(at, language) })
  return fillText(texts['overdue.step'], { step: texts[step], why: said })
}

function isText(key: string): key is keyof Texts {
  return Object.hasOwn(en, key)
}

/** What a contract is called in a letter, which mail servers read: one that is secret has only its id. */
export function contractName(
  q: { id: string; title: string; isSecret: boolean },
  language: LetterLanguage,
): string {
  return q.isSecret ? fillText(TEXTS[language].secret, { name: q.id }) : `${q.title} (${q.id})`
}
