/**
 * The token that may hold signing keys: whether it is present, who gave which part of its PIN, and the acts
 * of custodians.
 */
import type { ComponentChildren } from 'preact'
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { FoundSigningKeys } from './found-keys.tsx'
import { AddSigningKey } from './signing-keys.tsx'

type Held = {
  configured: true
  label: string
  state: 'away' | 'locked' | 'open'
  reason?: string
  manufacturer?: string
  model?: string
  serialNumber?: string
  pin?: 'wrong before' | 'last try' | 'locked'
  parts: { part: 1 | 2; by: string; until: string }[]
}
type SigningToken = { configured: false } | Held

const STATES: Record<Held['state'], { tone: Tone; word: TextKey }> = {
  open: { tone: 'good', word: 'status.tokenOpen' },
  locked: { tone: 'warn', word: 'status.tokenLocked' },
  away: { tone: 'bad', word: 'status.tokenAway' },
}
const PINS: Record<NonNullable<Held['pin']>, TextKey> = {
  'wrong before': 'signingToken.pinWrongBefore',
  'last try': 'signingToken.pinLastTry',
  locked: 'signingToken.pinLocked',
}
const PARTS = [1, 2] as const
const TITLES = { 1: 'signingToken.part1', 2: 'signingToken.part2' } as const

export function SigningTokenPart() {
  return useMay('getSigningToken') ? <Shown /> : null
}

function Shown() {
  const answer = useAnswer<SigningToken>('getSigningToken')
  // Most registries have no token: then nothing is shown.
  if (answer.state === 'there' && !answer.data.configured) return null
  const isOpen = answer.state === 'there' && answer.data.configured && answer.data.state === 'open'
  return (
    <>
      <Part title={text('signingToken.title')} acts={<Acts />}>
        <Show of={answer}>{(token) => token.configured && <About of={token} />}</Show>
      </Part>
      {isOpen && <FoundSigningKeys />}
    </>
  )
}

function About({ of }: { of: Held }) {
  const facts: [TextKey, ComponentChildren][] = [
    ['certificate.state', <Status key="state" {...STATES[of.state]} />],
    ['signingToken.label', of.label],
  ]
  if (of.reason !== undefined) facts.push(['signingToken.reason', of.reason])
  if (of.model !== undefined)
    facts.push(['signingToken.device', [of.manufacturer, of.model].filter(Boolean).join(', ')])
  if (of.serialNumber !== undefined)
    facts.push(['signingToken.serialNumber', <Copyable key="serial" value={of.serialNumber} />])
  if (of.pin !== undefined) facts.push(['signingToken.pin', text(PINS[of.pin])])
  if (of.state !== 'open')
    for (const part of PARTS) facts.push([TITLES[part], <Given key={part} part={part} of={of} />])
  return <Facts of={facts} />
}

function Given({ part, of }: { part: 1 | 2; of: Held }) {
  const found = of.parts.find((one) => one.part === part)
  if (found === undefined) return <>{text('signingToken.notGiven')}</>
  return (
    <>
      {text('signingToken.givenBy', { by: found.by })} <Time at={found.until} relative />
    </>
  )
}

function Acts() {
  return (
    <>
      <Act<Held>
        operation="giveSigningTokenPinPart"
        button={text('signingToken.give')}
        title={text('signingToken.give')}
        consequence={<p>{text('signingToken.giveConsequence')}</p>}
        fields={[
          {
            name: 'part',
            title: 'signingToken.part',
            type: 'select',
            options: PARTS.map((part) => ({
              value: String(part),
              title: text(TITLES[part]),
            })),
          },
          { name: 'pinPart', title: 'signingToken.pinPart', type: 'secret', maxLength: 64 },
        ]}
        send={({ part, ...body }, call) =>
          call('giveSigningTokenPinPart', { params: { part: String(part) }, body })
        }
        result={({ state }) => <p>{text(state === 'open' ? 'signingToken.opened' : 'signingToken.waits')}</p>}
      />
      <AddSigningKey
        button={text('signingToken.add')}
        consequence={text('signingToken.addConsequence')}
        on="token"
      />
      <Act
        operation="lockSigningToken"
        button={text('signingToken.lock')}
        title={text('signingToken.lock')}
        consequence={<p>{text('signingToken.lockConsequence')}</p>}
        send={(_, call) => call('lockSigningToken')}
        result={() => <p>{text('signingToken.locked')}</p>}
      />
    </>
  )
}
