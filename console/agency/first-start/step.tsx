/** One step: how it stands, what is missing, who has to act, and the form for what can be done here. */
import { useRef } from 'preact/hooks'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { AnchorStep, ConfigurationStep, OwnerStep, TokenStep } from './before-keys.tsx'
import { CertificateStep } from './certificate.tsx'
import { CallStep, ClientStep, ServiceStep, StampStep } from './exchange.tsx'
import type { BodyProps, Course, Step, StepName } from './shapes.ts'

const BODIES: Record<StepName, (q: BodyProps) => preact.ComponentChildren> = {
  anchor: AnchorStep,
  configuration: ConfigurationStep,
  owner: OwnerStep,
  token: TokenStep,
  signing: CertificateStep,
  authentication: CertificateStep,
  client: ClientStep,
  service: ServiceStep,
  call: CallStep,
  timeStamps: StampStep,
}

const TONES: Record<Step['state'], Tone> = { done: 'good', doing: 'warn', waiting: 'warn', open: 'quiet' }

type Props = BodyProps & { number: number; isCurrent: boolean }

export function StepItem({ number, of, course, isCurrent }: Props) {
  const { name, state, after, detail } = of
  const wasCurrent = useRef(false)
  wasCurrent.current ||= isCurrent
  const Body = BODIES[name]
  // The answer of the first call stays in sight, though with it the step is done.
  const isOpen = isCurrent || state === 'waiting' || (name === 'call' && wasCurrent.current)
  return (
    <li class={`part step is-${state}`} aria-current={isCurrent ? 'step' : undefined}>
      <details open={isOpen}>
        <summary>
          <span class="number" aria-hidden="true">
            {state === 'done' ? '✓' : number}
          </span>
          <h2>{text(`firstStart.step.${name}`)}</h2>
          <Status
            tone={TONES[state]}
            word={after === undefined ? `firstStart.state.${state}` : 'firstStart.state.later'}
          />
        </summary>
        <p>{text(`firstStart.why.${name}`)}</p>
        {state !== 'done' && (
          <div class="missing">
            <p>
              <strong>{text(`firstStart.missing.${name}.${of.missing ?? ''}` as TextKey)}</strong>
            </p>
            {after === undefined ? (
              <p>{whoOf(of, course)}</p>
            ) : (
              <p>{text('firstStart.after', { step: text(`firstStart.step.${after}`) })}</p>
            )}
            {detail !== undefined && <p class="note wrap">{detail}</p>}
          </div>
        )}
        <Body of={of} course={course} />
      </details>
    </li>
  )
}

/** Who acts, by name where the configuration gives one, and how they are reached. */
function whoOf({ who = 'operator', missing }: Step, { registry, authorities, timeStamping }: Course): string {
  if (who === 'operator') return text('firstStart.who.operator')
  if (who === 'authority') {
    const names = authorities.join(', ')
    return text(missing === 'certificate' ? 'firstStart.who.authority' : 'firstStart.who.responder', {
      names,
    })
  }
  if (who === 'timeStamping') return text('firstStart.who.timeStamping', { names: timeStamping.join(', ') })
  const { instance, name } = registry
  return name === undefined
    ? text('firstStart.who.registry', { instance })
    : text('firstStart.who.registryOf', { instance, name })
}
