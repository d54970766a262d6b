/** What a PIN of a token has to be like, and how long it may stay: the policy of the settings; pure. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

/** `classes`: how many of small letters, capital letters, digits and other characters have to be in it. */
export type PinPolicy = { minLength: Whole; classes: Whole; maxAgeDays?: number | undefined }

/** What a token says of its PIN. `setAt` is absent while nobody here knows when it was set. */
export type PinInfo = PinPolicy & {
  setAt?: Time | undefined
  /** When the policy wants another one. */
  endsAt?: Time | undefined
  /** Wrong PINs since the last right one. */
  wrong?: Whole | undefined
  /** No PIN is looked at before. */
  pausedUntil?: Time | undefined
}

export const DEFAULT_PIN_POLICY: PinPolicy = { minLength: 8, classes: 1 }
const LONGEST = 128
const DAY_MS = 86_400_000
const CLASSES = [/\p{Ll}/u, /\p{Lu}/u, /\p{Nd}/u, /[^\p{Ll}\p{Lu}\p{Nd}]/u]

export const pinPolicySchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  description: 'What new PINs of tokens have to be like, and how long they may stay',
  properties: {
    minLength: { type: 'integer', minimum: 8, maximum: 64, default: 8, description: 'Characters, at least' },
    classes: {
      type: 'integer',
      minimum: 1,
      maximum: 4,
      default: 1,
      description: 'How many of small letters, capital letters, digits and other characters, at least',
    },
    maxAgeDays: {
      type: 'integer',
      minimum: 1,
      maximum: 3650,
      description: 'After how many days a PIN has to be changed; without it never',
    },
  },
} as const

/** Throws `invalid_input` for a PIN that may not be set. `before` is the present one. */
export function checkNewPin(pin: string, { minLength, classes }: PinPolicy, before?: string): void {
  const length = [...pin.normalize('NFC')].length
  if (length < minLength || pin.length > LONGEST)
    throw new Fault('invalid_input', { what: say`a PIN has ${minLength} to ${LONGEST} characters` })
  if (CLASSES.filter((of) => of.test(pin)).length < classes)
    throw new Fault('invalid_input', {
      what: say`a PIN has at least ${classes} of: small letters, capital letters, digits, other characters`,
    })
  if (before !== undefined && pin.normalize('NFC') === before.normalize('NFC'))
    throw new Fault('invalid_input', { what: say`the new PIN is another one than before` })
}

export function pinInfo(policy: PinPolicy, setAt: number | undefined): PinInfo {
  if (setAt === undefined) return { ...policy }
  const ends = policy.maxAgeDays === undefined ? undefined : setAt + policy.maxAgeDays * DAY_MS
  return {
    ...policy,
    setAt: new Date(setAt).toISOString(),
    ...(ends !== undefined && { endsAt: new Date(ends).toISOString() }),
  }
}
