/**
 * Why a subsystem cannot call a service of another one: the question as a form and in the address, the answer
 * step by step.
 */
import { changeQuery, useAddress } from '../../kit/address.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { type Column, Rows } from '../../kit/rows.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Told } from '../../kit/told.tsx'
import { ClientLink } from '../links.tsx'
import { useServices, useSubsystems } from '../pick.ts'

type State = 'good' | 'bad' | 'unknown'
type Step = {
  step: string
  side?: 'consumer' | 'provider'
  state: State
  what: string
  remedy?: string
  knownBy?: string
}
type Explanation = {
  consumer: string
  provider: string
  serviceCode: string
  at: string
  verdict: State
  steps: Step[]
}

const TONES: Record<State, Tone> = { good: 'good', bad: 'bad', unknown: 'quiet' }
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE']
const NAMES = ['consumer', 'provider', 'serviceCode', 'method', 'path'] as const

export function ExplanationPage() {
  const { query } = useAddress()
  const asked = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? '']))
  const isAsked = ['consumer', 'provider', 'serviceCode'].every((name) => asked[name] !== '')
  const key = JSON.stringify(asked)
  const fields = useFields(asked)
  return (
    <>
      <Head title={text('explain.title')} lead={text('explain.lead')} />
      <Part title={text('explain.question')}>
        <Form
          key={key}
          fields={fields}
          submit={text('explain.ask')}
          send={async (values) => {
            const given = NAMES.map((name) => [name, String(values[name] ?? '').trim()])
            changeQuery(Object.fromEntries(given) as Record<string, string>)
          }}
        />
      </Part>
      {isAsked && <Answer key={`of ${key}`} asked={asked} />}
    </>
  )
}

function useFields(asked: Record<string, string>): Field[] {
  const [subsystems, services] = [useSubsystems(), useServices()]
  const subsystem: Omit<Field, 'name' | 'title'> = {
    ...{ hint: 'call.pickHint', type: 'pick', find: subsystems, maxLength: 1100 },
    check: (value) => (value.trim().split(':').length === 4 ? undefined : text('call.pickOne')),
  }
  const all: Field[] = [
    { name: 'consumer', title: 'explain.consumer', ...subsystem },
    { name: 'provider', title: 'explain.provider', ...subsystem },
    { name: 'serviceCode', title: 'explain.service', type: 'pick', find: services, maxLength: 255 },
    {
      name: 'method',
      title: 'explain.method',
      type: 'select',
      required: false,
      options: METHODS.map((value) => ({ value, title: value })),
    },
    { name: 'path', title: 'explain.path', hint: 'explain.pathHint', required: false, maxLength: 1024 },
  ]
  return all.map((field) => ({ ...field, initial: asked[field.name] ?? '' }))
}

function Answer({ asked }: { asked: Record<string, string> }) {
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ''))
  const explanation = useAnswer<Explanation>('explainCall', { query: given })
  return (
    <Part title={text('explain.answer')}>
      <Show of={explanation}>
        {({ consumer, provider, at, verdict, steps }) => (
          <>
            <Facts
              of={[
                [
                  'explain.state',
                  <Status
                    key="verdict"
                    tone={TONES[verdict]}
                    word={`explain.verdict.${verdict}` as TextKey}
                  />,
                ],
                ['explain.consumer', <ClientLink key="consumer" id={consumer} />],
                ['explain.provider', <ClientLink key="provider" id={provider} />],
                ['explain.at', <Time key="at" at={at} relative />],
              ]}
            />
            <h3>{text('explain.steps')}</h3>
            <Steps of={steps} subsystems={[consumer, provider]} />
          </>
        )}
      </Show>
    </Part>
  )
}

/** `subsystems` are the two of the question, by their ids. */
type StepsProps = { of: Step[]; subsystems: string[] }

/** What somebody has to look at first; what is as it should be folds away, unless it is all that there is. */
function Steps({ of, subsystems }: StepsProps) {
  const good = of.filter(({ state }) => state === 'good')
  const others = of.filter(({ state }) => state !== 'good')
  return (
    <>
      {others.length > 0 && <StepRows of={others} subsystems={subsystems} />}
      {good.length > 0 && (
        <details open={others.length === 0}>
          <summary>{text('explain.goodSteps', { count: good.length })}</summary>
          <StepRows of={good} subsystems={subsystems} />
        </details>
      )}
    </>
  )
}

function StepRows({ of, subsystems }: StepsProps) {
  return (
    <Rows<Step>
      caption={text('explain.steps')}
      rows={of}
      rowKey={({ step, side = '' }) => `${step} ${side}`}
      columns={columnsOf(subsystems)}
    />
  )
}

function columnsOf(subsystems: string[]): Column<Step>[] {
  return [
    {
      title: 'explain.step',
      cell: ({ step, side }) => (
        <>
          {text(`explain.${step}` as TextKey)}
          {side !== undefined && (
            <>
              <br />
              <span class="beside">{text(`explain.side.${side}`)}</span>
            </>
          )}
        </>
      ),
    },
    {
      title: 'explain.state',
      cell: ({ state }) => <Status tone={TONES[state]} word={`explain.state.${state}`} />,
    },
    { title: 'explain.found', cell: ({ what }) => <Told words={what} subsystems={subsystems} /> },
    {
      title: 'explain.remedy',
      cell: ({ remedy, knownBy }) => (
        <>
          {remedy !== undefined && <Told words={remedy} subsystems={subsystems} />}
          {remedy !== undefined && knownBy !== undefined && <br />}
          {knownBy !== undefined && (
            <span class="beside">
              <Told words={text('explain.knownBy', { who: knownBy })} subsystems={subsystems} />
            </span>
          )}
        </>
      ),
    },
  ]
}
