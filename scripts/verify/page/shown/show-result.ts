/** Shows a result. Everything from the files is shown as text and never interpreted as markup. */
import type { Judgement, Part } from '../judge-upload.ts'
import { checksOf, type Facts } from './checks-of.ts'
import { headlineOf, withTimes } from './headline.ts'
import {
  KINDS,
  NEEDS_CONFIGURATION,
  PARTLY_PROVED,
  STATES,
  SUB_INDICATIONS,
  type Tone,
  VERDICTS,
} from './texts.ts'

type Question = {
  file: string
  judgement: Judgement
  /** Saves the content of an entry. */
  save(part: Part): void
}

/** Control and direction characters could make a name look different. */
const clean = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')

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
  const judged = VERDICTS[facts.verdict] ?? VERDICTS['INDETERMINATE']!
  const isPartly = judged.tone === 'good' && checks.some(({ tone }) => tone !== 'good')
  const { tone, head, words } = isPartly ? PARTLY_PROVED : judged
  const exchange = headlineOf(facts)
  const { subIndication, reason } = facts
  const meaning = subIndication === undefined ? undefined : SUB_INDICATIONS[subIndication]
  const code = `${facts.verdict}${subIndication === undefined ? '' : `, ${subIndication}`}`
  return [
    ...(exchange === undefined ? [] : [element('p', { class: 'exchange' }, [exchange])]),
    verdict(tone, head, [words, ...(meaning === undefined ? [] : [meaning]), reason], code),
    element('p', {}, [withTimes(`${file}: ${[KINDS[report.kind] ?? '', ...judgedBy(facts)].join(', ')}.`)]),
    element('p', { class: 'acts' }, [
      button('Print', () => print()),
      button('Save this report', () => saveText('report.txt', report.text)),
      button('Save the facts (JSON)', () =>
        saveText('report.json', `${JSON.stringify(facts, undefined, 2)}\n`),
      ),
    ]),
    element('h2', {}, ['Each check']),
    table(
      'Checks',
      ['Check', 'State', 'Why'],
      checks.map(({ what, tone, why }) => [
        element('th', { scope: 'row' }, [what]),
        element('td', { class: `state ${STATE_CLASSES[tone]}` }, [STATES[tone]]),
        element('td', {}, [withTimes(why)]),
      ]),
    ),
    ...(parts.length === 0 ? [] : partsOf(parts, save)),
    element('details', {}, [
      element('summary', {}, ['The report as the command line prints it']),
      element('pre', { tabindex: '0', 'aria-label': 'Report' }, [report.text]),
    ]),
  ]
}

function judgedBy({ judgedAt, configuration }: Facts): string[] {
  const isNamed = configuration !== undefined && configuration.origin !== 'the bundle itself'
  const names = configuration?.instances?.join(', ') ?? 'a configuration'
  return [
    ...(isNamed ? [`judged by ${names} from ${configuration.origin}, which you named`] : []),
    ...(judgedAt === undefined ? [] : [`at ${judgedAt} by the clock of this device`]),
  ]
}

const STATE_CLASSES: Record<Tone, string> = { good: 'isGood', warn: 'isWarn', bad: 'isBad' }

function refusalOf(file: string, refused: Extract<Judgement, { refused: unknown }>['refused']): Node[] {
  const isMissing = refused === 'configuration is missing'
  const words = isMissing ? NEEDS_CONFIGURATION : refused.message
  const code = isMissing ? 'not judged' : `not judged, ${refused.code}`
  return [verdict('warn', 'Nothing was judged', [words], code), element('p', {}, [file])]
}

function verdict(tone: Tone, head: string, words: string[], code: string): HTMLElement {
  return element('div', { class: `verdict ${tone}` }, [
    element('h2', {}, [head]),
    ...words.map((text) => element('p', {}, [text])),
    element('p', { class: 'code' }, [code]),
  ])
}

function partsOf(parts: Part[], save: (part: Part) => void): Node[] {
  const rows = parts.map((part) => {
    const act = button('Save', () => save(part))
    act.setAttribute('aria-label', `Save ${clean(part.name)}`)
    return [
      element('th', { scope: 'row' }, [part.name]),
      element('td', {}, [`${part.size.toLocaleString('en')} bytes`]),
      element('td', { class: 'act' }, [act]),
    ]
  })
  const summary = element('summary', {}, [`The parts of the file (${parts.length})`])
  const hint =
    'A container (.asice) inside can be saved and checked here by itself, and every part by public tools.'
  return [
    element('details', { class: 'parts' }, [
      summary,
      element('p', { class: 'hint' }, [hint]),
      table('Parts', ['Part', 'Size', 'Save'], rows),
    ]),
  ]
}

function table(name: string, heads: string[], rows: HTMLElement[][]): HTMLElement {
  const head = element(
    'tr',
    {},
    heads.map((text) => element('th', { scope: 'col' }, [text])),
  )
  const body = rows.map((cells) => element('tr', {}, cells))
  const whole = element('table', { 'aria-label': name }, [
    element('thead', {}, [head]),
    element('tbody', {}, body),
  ])
  return element('div', { class: 'table' }, [whole])
}

function button(text: string, act: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', class: 'quiet' }, [text]) as HTMLButtonElement
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

function saveText(name: string, text: string): void {
  saveBytes(name, text)
}
