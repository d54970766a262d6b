/**
 * Why a call does not get through: who asks and who answers are picked, or taken from a refused call by its
 * id.
 */
import { changeQuery, Link, useAddress } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import { useConsole, useMay } from '../../kit/context.ts'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Told } from '../../kit/told.tsx'
import { useServices, useSubsystems } from '../pick.ts'
import { exchangePath, NamedId, type Row } from '../words.tsx'

type State = 'good' | 'bad' | 'unknown'
type Step = {
  step: string
  side?: 'consumer' | 'provider'
  state: State
  what: string
  remedy?: string
  knownBy?: string
}
type Explanation = { at: string; verdict: State; steps: Step[] }

const TONES: Record<State, Tone> = { good: 'good', bad: 'bad', unknown: 'quiet' }
const RANKS: Record<State, number> = { bad: 0, unknown: 1, good: 2 }
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE']
const NAMES = ['consumer', 'provider', 'serviceCode', 'method', 'path'] as const

export function CallPage() {
  const { query } = useAddress()
  const mayFind = useMay('findRecords')
  const asked = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? '']))
  const isAsked = ['consumer', 'provider', 'serviceCode'].every((name) => asked[name] !== '')
  const key = JSON.stringify(asked)
  const fields = useFields(asked)
  return (
    <>
      <Head title={text('call.title')} lead={text('call.lead')} />
      {isAsked && <Answer key={`of ${key}`} asked={asked} refused={query} />}
      {mayFind && <ById />}
      <Part title={text('call.picked')}>
        <Form
          key={key}
          fields={fields}
          submit={text('explain.ask')}
          send={async (values) => {
            const given = NAMES.map((name) => [name, String(values[name] ?? '').trim()])
            changeQuery({
              refusal: '',
              outcome: '',
              ...(Object.fromEntries(given) as Record<string, string>),
            })
          }}
        />
      </Part>
    </>
  )
}

function useFields(asked: Record<string, string>): Field[] {
  const [subsystems, services] = [useSubsystems(), useServices()]
  const subsystem: Omit<Field, 'name' | 'title'> = {
    ...{ hint: 'call.pickHint', type: 'pick', find: subsystems, maxLength: 1100 },
    check: (value: string) => (value.trim().split(':').length === 4 ? undefined : text('call.pickOne')),
  }
  const all: Field[] = [
    { name: 'consumer', title: 'explain.consumer', ...subsystem },
    { name: 'provider', title: 'explain.provider', ...subsystem },
    { name: 'serviceCode', title: 'services.one', type: 'pick', find: services, maxLength: 255 },
    {
      ...{ name: 'method', title: 'explain.method', type: 'select', required: false },
      options: METHODS.map((value) => ({ value, title: value })),
    },
    { name: 'path', title: 'explain.path', hint: 'explain.pathHint', required: false, maxLength: 1024 },
  ]
  return all.map((field) => ({ ...field, initial: asked[field.name] ?? '' }))
}

/** The id under which the calling system knows its call: the one that it gave, or the one in the answer. */
function ById() {
  const { api } = useConsole()
  const find = async (id: string): Promise<void> => {
    for (const name of ['queryId', 'requestId']) {
      const { data } = await api.call<Row[]>('findRecords', { query: { [name]: id, limit: '20' } })
      const row = data.find(({ kind }) => kind === 'refusal') ?? data[0]
      if (row?.clientId !== null && row?.clientId !== undefined && row.serviceId !== null) {
        const [method = '', path = ''] = (row.endpoint ?? '').split(' ')
        const parts = row.serviceId.split(':')
        return changeQuery({
          ...{ consumer: row.clientId, provider: parts.slice(0, 4).join(':'), serviceCode: parts[4] ?? '' },
          ...{ method, path: path.replaceAll('*', 'x'), refusal: String(row.index) },
          outcome: row.outcome,
        })
      }
    }
    throw new ApiFault(404, { message: text('call.noneWithId') })
  }
  return (
    <Part title={text('call.byId')}>
      <p>{text('call.byIdLead')}</p>
      <Form
        fields={[{ name: 'id', title: 'call.id', hint: 'call.idHint', maxLength: 255 }]}
        submit={text('call.find')}
        send={({ id }) => find(String(id).trim())}
      />
    </Part>
  )
}

function Answer({ asked, refused }: { asked: Record<string, string>; refused: URLSearchParams }) {
  const [refusal, outcome] = ['refusal', 'outcome'].map((name) => refused.get(name) ?? '')
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ''))
  const explanation = useAnswer<Explanation>('explainCall', { query: given })
  return (
    <Part title={text('explain.answer')}>
      <Show of={explanation}>
        {({ at, verdict, steps }) => (
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
                ['explain.consumer', <NamedId key="consumer" of={asked['consumer']} />],
                [
                  'explain.provider',
                  <NamedId key="provider" of={`${asked['provider'] ?? ''}:${asked['serviceCode'] ?? ''}`} />,
                ],
                ['explain.at', <Time key="at" at={at} relative />],
              ]}
            />
            {refusal !== undefined && refusal !== '' && (
              <p class="inner">
                {text('call.thisOne')} <bdi class="id">{outcome}</bdi>.{' '}
                <Link to={exchangePath(Number(refusal))}>{text('call.record')}</Link>
              </p>
            )}
            <h3>{text('explain.steps')}</h3>
            <Rows<Step>
              caption={text('explain.steps')}
              rows={[...steps].sort((a, b) => RANKS[a.state] - RANKS[b.state])}
              rowKey={({ step, side = '' }) => `${step} ${side}`}
              columns={[
                {
                  title: 'explain.step',
                  cell: ({ step, side }) => (
                    <>
                      {text(step === 'service' ? 'services.one' : (`explain.${step}` as TextKey))}
                      {side !== undefined && <p class="beside">{text(`explain.side.${side}`)}</p>}
                    </>
                  ),
                },
                {
                  title: 'explain.state',
                  cell: ({ state }) => <Status tone={TONES[state]} word={`explain.state.${state}`} />,
                },
                { title: 'explain.found', cell: ({ what }) => <Told words={what} /> },
                {
                  title: 'explain.remedy',
                  cell: ({ remedy, knownBy }) => (
                    <>
                      {remedy !== undefined && <Told words={remedy} />}
                      {knownBy !== undefined && (
                        <p class="beside wrap">{text('explain.knownBy', { who: knownBy })}</p>
                      )}
                    </>
                  ),
                },
              ]}
            />
          </>
        )}
      </Show>
    </Part>
  )
}
