/**
 * Reads what a system says of its offers, as schemas/offers.yaml has it. Guarantees that each value is of its
 * form and bounded: what is not is left out, and an offer without a number, a state or a title is none.
 */
import { isPlainText } from '#platform/plain-text.ts'
import type {
  AskedCall,
  CallOutcome,
  FieldKind,
  FormField,
  Offer,
  OfferState,
  OfferStep,
  OfferValue,
  StepKind,
  Texts,
} from '#schemas/offers.ts'
import { isObject, listOf } from '../asking/read-usages.ts'

/** The code of the service. */
export const OFFERS = 'offers'
export const NUMBER = /^[A-Za-z0-9_-]{22}$/

const MOST_TEXT = 2000
const MOST_LANGUAGES = 30
const STATES: readonly string[] = [
  ...(['offered', 'opened', 'sending', 'submitted', 'decided'] satisfies OfferState[]),
  ...(['declined', 'taken-back', 'over'] satisfies OfferState[]),
]
const OUTCOMES: readonly string[] = [
  'answered',
  'nothing',
  'refused',
  'away',
  'not-agreed',
] satisfies CallOutcome[]
const KINDS: readonly string[] = ['text', 'number', 'date', 'yes-no'] satisfies FieldKind[]
const STEPS: readonly string[] = [
  ...([
    'offered',
    'letter',
    'code',
    'opened',
    'sending',
    'submitted',
    'decided',
    'declined',
  ] satisfies StepKind[]),
  ...(['taken-back', 'corrected', 'over'] satisfies StepKind[]),
]
const CHANNELS: readonly string[] = ['web', 'counter', 'letter', 'event'] satisfies OfferStep['channel'][]
const NONE: Texts = {}

type Given = Record<string, unknown>

/** The text in this language, else in English, else any. */
export function textIn(texts: Texts, language: string): string {
  return texts[language] ?? texts['en'] ?? Object.values(texts)[0] ?? ''
}

/** Undefined for what is no offer. */
export function readOffer(given: unknown): Offer | undefined {
  if (!isObject(given)) return undefined
  const { id, state } = given
  const title = textsOf(given['title'])
  if (typeof id !== 'string' || !NUMBER.test(id) || !isOneOf(STATES, state) || title === NONE)
    return undefined
  return {
    ...{ id, state: state as OfferState, title, text: textsOf(given['text']), why: textsOf(given['why']) },
    ...{
      legalBasis: plain(given['legalBasis']),
      madeAt: timeOf(given['madeAt']),
      endsAt: timeOf(given['endsAt']),
    },
    calls: listOf(given['calls'])
      .filter(isObject)
      .slice(0, 20)
      .map((call) => ({
        ...{
          name: plain(call['name'], 64),
          agency: textsOf(call['agency']),
          service: plain(call['service']),
        },
        ...{ purpose: textsOf(call['purpose']), legalBasis: plain(call['legalBasis']) },
        ...(isPlainText(call['contract'], MOST_TEXT) && { contract: call['contract'] }),
        needsAgreement: call['needsAgreement'] !== false,
        fields: listOf(call['fields']).slice(0, 60).map(textsOf),
      })),
    shown: plain(given['shown'], 64),
    ...(isPlainText(given['number'], 200) && { number: given['number'] }),
    ...(isObject(given['outcome']) && { outcome: textsOf(given['outcome']) }),
    ...(isObject(given['takenBack']) && { takenBack: textsOf(given['takenBack']) }),
  }
}

export type Form = { fields: FormField[]; asked: AskedCall[] }

/** Undefined for what is no form. */
export function readForm(given: unknown): Form | undefined {
  if (!isObject(given) || !Array.isArray(given['fields'])) return undefined
  return {
    fields: listOf(given['fields']).slice(0, 60).flatMap(fieldOf),
    asked: listOf(given['asked'])
      .filter(isObject)
      .slice(0, 20)
      .map(({ name, agency, outcome }) => ({
        ...{ name: plain(name, 64), agency: textsOf(agency) },
        outcome: (isOneOf(OUTCOMES, outcome) ? outcome : 'away') as CallOutcome,
      })),
  }
}

export function readSteps(given: unknown): OfferStep[] {
  if (!isObject(given)) return []
  return listOf(given['steps'])
    .filter(isObject)
    .slice(0, 100)
    .filter(({ what, channel }) => isOneOf(STEPS, what) && isOneOf(CHANNELS, channel))
    .map(({ time, what, channel }) => ({ time: timeOf(time), what, channel }) as OfferStep)
}

function fieldOf(given: unknown): FormField[] {
  if (!isObject(given)) return []
  const { name, kind, value, source } = given
  if (typeof name !== 'string' || !/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name) || !isOneOf(KINDS, kind))
    return []
  const field: FormField = {
    ...{
      name,
      label: textsOf(given['label']),
      kind: kind as FieldKind,
      isRequired: given['isRequired'] !== false,
    },
    ...(isObject(given['correctAt']) && { correctAt: textsOf(given['correctAt']) }),
    from: 'nobody',
  }
  const own = valueIn(value)
  const isHidden = given['isHidden'] === true
  if (given['from'] !== 'register' || !isObject(source) || (own === undefined && !isHidden)) return [field]
  const { contract } = source
  return [
    {
      ...field,
      from: 'register',
      ...(isHidden || own === undefined ? { isHidden: true } : { value: own }),
      source: {
        ...{
          agency: textsOf(source['agency']),
          service: plain(source['service']),
          legalBasis: plain(source['legalBasis']),
        },
        ...{ time: timeOf(source['time']), messageId: plain(source['messageId'], 255) },
        ...(isPlainText(contract, MOST_TEXT) && { contract }),
      },
    },
  ]
}

function valueIn(value: unknown): OfferValue | undefined {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value
  return isPlainText(value, 500) ? value : undefined
}

function textsOf(given: unknown): Texts {
  if (!isObject(given)) return NONE
  const known = Object.entries(given)
    .slice(0, MOST_LANGUAGES)
    .filter((one): one is [string, string] => /^[a-z]{2,3}$/.test(one[0]) && isText(one[1]))
  return known.length === 0 ? NONE : Object.fromEntries(known)
}

/** Of several lines. */
function isText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= MOST_TEXT &&
    isPlainText(value.replaceAll('\n', ' '), MOST_TEXT)
  )
}

function plain(value: unknown, most = MOST_TEXT): string {
  return isPlainText(value, most) ? value : ''
}

function timeOf(value: Given[string]): string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? new Date(value).toISOString() : ''
}

function isOneOf(all: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && all.includes(value)
}
