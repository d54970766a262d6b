/** Shows a result. Everything from the files is shown as text and never interpreted as markup. */
import type { Unjudged } from '../../judge-file.ts'
import type { Judgement, Part } from '../judge-upload.ts'
import { checksOf, type Facts, type Words } from './checks-of.ts'
import { headlineOf, withTimes } from './headline.ts'
import { reasonInWords } from './reasons.ts'
import { stampersInWords } from './stampers-in-words.ts'
import { language, locale, type TextKey, type Tone, text, textIfAny } from './texts.ts'

type Question = {
  file: string
  judgement: Judgement
  /** Saves the content of an entry. */
  save(part: Part): void
}

/** Control and direction characters could make a name look different. */
const clean = (said: string): string => said.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')

export function showResult(place: HTMLElement, q: Question): void {
  const { judgement } = q
  place.replaceChildren(
    ...('report' in judgement ? reportOf(q, judgement) : refusalOf(q.file, judgement.refused)),
  )
  place.hidden = false
  place.focus()
}

function reportOf(
  { file, save }: Question,
  { report, parts }: Extract<Judgement, { report: object }>,
): Node[] {
  const facts = report.facts as Facts
  const checks = checksOf(report)
  const judged = VERDICTS[facts.verdict] ?? INDETERMINATE
  const isPartly = judged.tone === 'good' && checks.some(({ tone }) => tone !== 'good')
  const { tone, head, words } = isPartly ? PARTLY_PROVED : judged
  const exchange = headlineOf(facts)
  const { subIndication, reason } = facts
  const meaning = subIndication === undefined ? undefined : textIfAny(subIndication)
  const code = `${facts.verdict}${subIndication === undefined ? '' : `, ${subIndication}`}`
  return [
    ...(exchange === undefined ? [] : [element('p', { class: 'exchange' }, breakable(exchange))]),
    verdict(
      tone,
      text(head),
      [[text(words)], ...(meaning === undefined ? [] : [[meaning]]), [{ english: reason }]],
      code,
    ),
    element('p', {}, [
      withTimes(`${file}: ${[textIfAny(report.kind) ?? '', ...judgedBy(facts)].join(', ')}.`),
    ]),
    ...stampersInWords(facts).map((words) => element('p', {}, [words])),
    element('p', { class: 'acts' }, [
      button(text('print'), () => print()),
      button(text('saveReport'), () => saveText('report.txt', report.text)),
      button(text('saveFacts'), () => saveText('report.json', `${JSON.stringify(facts, undefined, 2)}\n`)),
    ]),
    element('h2', {}, [text('eachCheck')]),
    ...(language === 'en' ? [] : [element('p', { class: 'hint' }, [text('inEnglish')])]),
    table(
      text('eachCheck'),
      [text('columnCheck'), text('columnState'), text('columnWhy')],
      checks.map(({ what, tone, why }) => [
        element('th', ROW_HEAD, [what]),
        element('td', { ...CELL, class: `state ${STATE_CLASSES[tone]}` }, [text(tone)]),
        element('td', CELL, said(why)),
      ]),
    ),
    ...(parts.length === 0 ? [] : partsOf(parts, save)),
    element('details', {}, [
      element('summary', {}, [text('report')]),
      element('pre', { tabindex: '0', lang: 'en', 'aria-label': text('report') }, [report.text]),
    ]),
  ]
}

/** The identifiers in it go on in the next line between their parts. */
function breakable(words: string): (Node | string)[] {
  return words
    .split(/(?<=\/)(?=\S)/)
    .flatMap((part, at) => (at === 0 ? [part] : [element('wbr', {}, []), part]))
}

type Verdict = { tone: Tone; head: TextKey; words: TextKey }
const INDETERMINATE: Verdict = { tone: 'warn', head: 'indeterminate', words: 'indeterminateWords' }
const VERDICTS: Record<string, Verdict> = {
  'TOTAL-PASSED': { tone: 'good', head: 'passed', words: 'passedWords' },
  'TOTAL-FAILED': { tone: 'bad', head: 'failed', words: 'failedWords' },
  INDETERMINATE,
}
/**
 * Shown in place of the good verdict when a line below it is not proved: green stands above green lines only.
 */
const PARTLY_PROVED: Verdict = { tone: 'warn', head: 'partly', words: 'partlyWords' }

function judgedBy({ judgedAt, configuration }: Facts): string[] {
  const isNamed = configuration !== undefined && configuration.origin !== 'the bundle itself'
  const names = configuration?.instances?.join(', ') ?? text('aConfiguration')
  return [
    ...(isNamed ? [text('judgedBy', { names, origin: configuration.origin })] : []),
    ...(judgedAt === undefined ? [] : [text('judgedAt', { time: judgedAt })]),
  ]
}

const STATE_CLASSES: Record<Tone, string> = { good: 'isGood', warn: 'isWarn', bad: 'isBad' }

const UNJUDGED: Record<Unjudged, TextKey> = {
  'configuration is missing': 'needsConfiguration',
  'no evidence': 'noEvidence',
}

function refusalOf(file: string, refused: Extract<Judgement, { refused: unknown }>['refused']): Node[] {
  const isUnjudged = typeof refused === 'string'
  const words: Words[] = isUnjudged
    ? [[text(UNJUDGED[refused])]]
    : [...(language === 'en' ? [] : [[text('refused')]]), [{ english: refused.message }]]
  const code = isUnjudged ? text('notJudged') : `${text('notJudged')}, ${refused.code}`
  return [verdict('warn', text('nothing'), words, code), element('p', {}, [file])]
}

function verdict(tone: Tone, head: string, words: Words[], code: string): HTMLElement {
  return element('div', { class: `verdict ${tone}` }, [
    element('h2', {}, [head]),
    ...words.map((each) => element('p', {}, said(each))),
    element('p', { class: 'code' }, [code]),
  ])
}

/** What stays in English is marked as such, so that it is read aloud as such. */
function said(words: Words): (Node | string)[] {
  return words.map((one) => {
    const own = typeof one === 'string' ? one : reasonInWords(one.english)
    if (own !== undefined) return withTimes(own)
    const { english } = one as Exclude<typeof one, string>
    return element('span', { lang: 'en' }, [withTimes(english, 'en-GB')])
  })
}

function partsOf(parts: Part[], save: (part: Part) => void): Node[] {
  const rows = parts.map((part) => {
    const act = button(text('save'), () => save(part))
    act.setAttribute('aria-label', text('saveOne', { name: clean(part.name) }))
    return [
      element('th', ROW_HEAD, [part.name]),
      element('td', CELL, [text('bytes', { count: part.size.toLocaleString(locale()) })]),
      element('td', { ...CELL, class: 'act' }, [act]),
    ]
  })
  const count = parts.length
  return [
    element('details', { class: 'parts' }, [
      element('summary', {}, [text('parts', { count })]),
      element('p', { class: 'hint' }, [text('partsHint')]),
      table(text('parts', { count }), [text('columnPart'), text('columnSize'), text('save')], rows),
    ]),
  ]
}

// A table that is laid out as cards would lose its own roles.
const ROW_HEAD = { scope: 'row', role: 'rowheader' }
const CELL = { role: 'cell' }

function table(name: string, heads: string[], rows: HTMLElement[][]): HTMLElement {
  const head = element(
    'tr',
    { role: 'row' },
    heads.map((head) => element('th', { scope: 'col', role: 'columnheader' }, [head])),
  )
  const body = rows.map((cells) => element('tr', { role: 'row' }, cells))
  const whole = element('table', { role: 'table', 'aria-label': name }, [
    element('thead', { role: 'rowgroup' }, [head]),
    element('tbody', { role: 'rowgroup' }, body),
  ])
  return element('div', { class: 'table' }, [whole])
}

function button(name: string, act: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', class: 'quiet' }, [name]) as HTMLButtonElement
  made.addEventListener('click', act)
  return made
}

/** Texts become text nodes, with unsafe characters replaced; attributes are our own. */
function element(name: string, attributes: Record<string, string>, children: (Node | string)[]): HTMLElement {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(
    ...children.map((child) => (typeof child === 'string' && name !== 'pre' ? clean(child) : child)),
  )
  return made
}

export function saveBytes(name: string, bytes: Uint8Array | string): void {
  // Saved as plain octets of any kind: with a known type, a browser might display the file as a page.
  const address = URL.createObjectURL(new Blob([bytes as BlobPart], { type: 'application/octet-stream' }))
  const link = document.createElement('a')
  link.href = address
  link.download =
    (name.split(/[/\\]/).at(-1) ?? '').replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '') || 'part'
  link.click()
  URL.revokeObjectURL(address)
}

function saveText(name: string, content: string): void {
  saveBytes(name, content)
}
