/**
 * One exchange: its path through both servers, the proofs of each message, and the circumstances at that
 * time.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { ExchangePath, type Station } from '../../kit/exchange-path.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { type Loaded, useAnswer } from '../../kit/load.ts'
import { NotRefreshed } from '../../kit/not-refreshed.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Saved } from '../../kit/saved.tsx'
import { text } from '../../kit/text.ts'
import { AskForContent } from '../content-requests/ask.tsx'
import { WHY, whyOf } from '../why.ts'
import { directionText, kindText, NamedId, Outcome, ServerId } from '../words.tsx'
import { ExchangeCircumstances } from './circumstances.tsx'
import { InTree, Signature, Stamped } from './proofs.tsx'
import { RecordPart } from './record.tsx'
import {
  type Exchange,
  type ExchangeRecord,
  hopOf,
  isClientSide,
  messagesOf,
  shown,
  type Verdicts,
} from './records.ts'

export function ExchangePage({ params }: { params: Record<string, string> }) {
  const index = params['index'] ?? ''
  const exchange = useAnswer<Exchange>('getExchange', { params: { index } })
  return (
    <Show of={exchange} page="exchange.title">
      {(found) => <Found of={found} />}
    </Show>
  )
}

function Found({ of }: { of: Exchange }) {
  const verdicts = useAnswer<Verdicts>('verifyExchange', { params: { index: String(of.asked) } })
  const id = of.records.find(({ metadata }) => metadata !== null && metadata.id !== '')?.metadata?.id
  return (
    <>
      <Head
        title={text('exchange.title')}
        lead={
          id === undefined ? (
            text('exchange.erasedLead')
          ) : (
            <>
              {text('search.queryId')} <Copyable value={id} label={text('search.queryId')} />
            </>
          )
        }
        acts={
          <>
            {of.records.some(({ messageBytes }) => messageBytes !== null) && (
              <AskForContent of={{ index: of.asked }} />
            )}
            <Bundle index={of.asked} />
          </>
        }
      />
      <WhyRefused of={of} />
      <Part
        title={text('exchange.path')}
        acts={
          id !== undefined && (
            <Link to={`/records?queryId=${encodeURIComponent(id)}`}>{text('exchange.sameId')}</Link>
          )
        }
      >
        <NotRefreshed of={verdicts} />
        <MessagePath of={of} verdicts={verdicts} />
      </Part>
      <ExchangeCircumstances of={of} />
      {of.records.map((record) => (
        <RecordPart key={record.index} record={record} verdicts={verdicts} />
      ))}
    </>
  )
}

/** A refusal leads to the look at each step that the call meets now. */
function WhyRefused({ of: { records } }: { of: Exchange }) {
  const refusal = records.find(({ form }) => form.kind === 'refusal')
  const { client, service } = refusal?.metadata ?? {}
  if (!useMay('explainCall') || refusal === undefined || client === undefined || service === undefined)
    return null
  const [consumer, called] = [client, service].map((id) => id.replaceAll('/', ':').split(':'))
  const query = new URLSearchParams({
    consumer: consumer!.join(':'),
    provider: called!.slice(0, 4).join(':'),
    serviceCode: called![4] ?? '',
    refusal: String(refusal.index),
    outcome: refusal.form.outcome,
  })
  return (
    <p class="note part">
      {text('call.wasRefused')} <Link to={`/diagnostics/call?${query}`}>{text('call.title')}</Link>
    </p>
  )
}

function MessagePath({ of, verdicts }: { of: Exchange; verdicts: Loaded<Verdicts> }) {
  const messages = messagesOf(of)
  if (messages.length === 0) return <p>{text('exchange.noMessage')}</p>
  return (
    <>
      <ExchangePath
        label={text('exchange.steps')}
        stations={stationsOf(of)}
        steps={messages.map((record) => ({
          key: record.index,
          ...hopOf(record),
          title: (
            <>
              {kindText(record.form.kind)} <span class="beside">{directionText(record.form.direction)}</span>
            </>
          ),
          children: <Ended of={record} />,
          proofs: [
            <Signature key="signature" record={record} verdicts={verdicts} />,
            <Stamped key="stamp" record={record} />,
            <InTree key="tree" record={record} />,
          ],
        }))}
      />
      <p class="beside">{text('exchange.otherSide')}</p>
    </>
  )
}

function Ended({ of: { form, explanation } }: { of: ExchangeRecord }) {
  if (form.kind === 'request') return null
  return (
    <p>
      <Outcome {...form} explanation={explanation} />
    </p>
  )
}

function stationsOf(exchange: Exchange): Station[] {
  const known = messagesOf(exchange).map(({ metadata }) => metadata)
  const first = known.find((one) => one?.client !== undefined)
  const peer = shown(known.find((one) => one?.peer !== undefined)?.peer)
  const atClient = isClientSide(exchange)
  const here = { name: <ServerId of={exchange.server} />, note: text('exchange.thisServer'), isHere: true }
  const other = { name: <ServerId of={peer} />, note: text('exchange.otherServer') }
  return [
    { title: text('exchange.client'), name: <NamedId of={shown(first?.client)} /> },
    { title: text('exchange.clientServer'), ...(atClient ? here : other) },
    { title: text('exchange.providerServer'), ...(atClient ? other : here) },
    { title: text('exchange.service'), name: <NamedId of={shown(first?.service)} /> },
  ]
}

function Bundle({ index }: { index: number }) {
  const { api } = useConsole()
  return (
    <Act<File>
      operation="downloadEvidenceBundle"
      button={text('exchange.bundle')}
      look="primary"
      reads
      title={text('exchange.bundle')}
      consequence={<p>{text('exchange.bundleConsequence')}</p>}
      fields={WHY}
      send={(values) =>
        api.download('downloadEvidenceBundle', { params: { index: String(index) }, query: whyOf(values) })
      }
      result={(file) => <Saved file={file} />}
    />
  )
}
