/**
 * What a client may call of a provider, as the provider says it now: by an access right alone, or under a
 * contract besides.
 */
import { useEffect, useState } from 'preact/hooks'
import { changeQuery, Link, useAddress } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { contractPath } from '../../kit/contract.tsx'
import { Part } from '../../kit/facts.tsx'
import { Form } from '../../kit/form.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { locale, text } from '../../kit/text.ts'
import { lacks } from '../try-outs/missing.tsx'
import { type Access, type Offered, serviceName, type TryOuts } from '../try-outs/shapes.ts'

type Found = { services: Offered[]; access: Access }

/** With the contracts in force that name it. */
type Callable = Offered & { contracts: Access['contracts'] }

/** `turn` counts the questions: the same one asked again is another one. */
type Asked = { provider: string; turn: number }

/** A question is an exchange that both sides log, so none is asked before somebody presses the button. */
export function MayCall({ client }: { client: string }) {
  const settings = useAnswer<TryOuts>('getTryOuts')
  const [asked, setAsked] = useState<Asked>()
  const find = (provider: string): void => {
    // What was searched in the services of another one.
    changeQuery({ q: '', how: '', page: '' }, 'replace')
    setAsked((before) => ({ provider, turn: (before?.turn ?? 0) + 1 }))
  }
  return (
    <>
      <Show of={settings}>
        {(known) =>
          known.clients.includes(client) ? (
            <Whom providers={known.providers} find={find} />
          ) : (
            <div class="note">
              <p>
                <bdi class="wrap">{text('tryOuts.notAs', { client })}</bdi>
              </p>
              <p>{text('tryOuts.offWhy')}</p>
            </div>
          )
        }
      </Show>
      {asked !== undefined && <Services key={asked.turn} client={client} provider={asked.provider} />}
    </>
  )
}

function Whom({ providers, find }: { providers: TryOuts['providers']; find(provider: string): void }) {
  const { query } = useAddress()
  const named = query.get('provider') ?? ''
  const options = providers
    .map(({ id, name }) => ({ value: id, title: `${name} (${id})` }))
    .sort((one, other) => one.title.localeCompare(other.title, locale))
  return (
    <Form
      fields={[
        {
          ...{ name: 'provider', title: 'tryOuts.provider', type: 'select', options },
          initial: providers.some(({ id }) => id === named) ? named : '',
        },
      ]}
      submit={text('calls.askNow')}
      send={async ({ provider }) => find(String(provider))}
    />
  )
}

function Services({ client, provider }: { client: string; provider: string }) {
  const found = useAnswer<Found>('findTryOutServices', { body: { client, provider } })
  const announce = useAnnounce()
  const title = text('calls.there', { provider })
  const isThere = found.state === 'there'
  useEffect(() => {
    if (isThere) announce(title)
  }, [isThere])
  return (
    <Part title={title}>
      <Show of={found}>{(of) => <List caption={title} of={of} all={tryPath(client, provider)} />}</Show>
    </Part>
  )
}

function List({ caption, of: { services, access }, all }: { caption: string; of: Found; all: string }) {
  const mayTry = useMay('tryService')
  const rows = services
    .filter((one) => lacks(one, access) === undefined)
    .map((one): Callable => ({ ...one, contracts: inForce(one, access) }))
  return (
    <>
      <HeldTable<Callable>
        caption={caption}
        rows={rows}
        rowKey={(one) => `${one.type} ${serviceName(one)}`}
        search="tryOuts.search"
        words={serviceName}
        filters={[
          {
            ...{ name: 'how', title: 'calls.how' },
            options: [
              { value: '', title: text('common.all') },
              { value: 'right', title: text('calls.byRight') },
              { value: 'contract', title: text('calls.byBoth') },
            ],
            fits: ({ contracts }, value) => contracts.length > 0 === (value === 'contract'),
          },
        ]}
        columns={[
          {
            title: 'tryOuts.service',
            cell: (one) => (
              <>
                <bdi class="id">{serviceName(one)}</bdi>{' '}
                <span class="beside">{text(`tryOuts.type.${one.type}`)}</span>
              </>
            ),
          },
          { title: 'calls.how', cell: ({ contracts }) => <How under={contracts} /> },
          {
            title: 'common.acts',
            acts: ['tryService'],
            cell: () => <Link to={all}>{text('tryOuts.title')}</Link>,
          },
        ]}
        empty={<p>{text('calls.noneThere')}</p>}
      />
      {mayTry && (
        <p>
          <Link to={all}>{text('calls.others')}</Link>
        </p>
      )}
    </>
  )
}

function How({ under }: { under: Access['contracts'] }) {
  if (under.length === 0) return <>{text('calls.byRight')}</>
  return (
    <>
      {text('calls.byBoth')}
      <ul class="plain-list">
        {under.map(({ contract, title }) => (
          <li key={contract}>
            <Link to={contractPath(contract)}>
              <bdi>{title}</bdi>
            </Link>
          </li>
        ))}
      </ul>
    </>
  )
}

function inForce({ serviceCode }: Offered, { contracts }: Access): Access['contracts'] {
  return contracts.filter(({ state, services }) => state === 'ACTIVE' && services.includes(serviceCode))
}

/** The page on which a client's call of a provider is tried. */
export function tryPath(client: string, provider: string): string {
  return `/try-outs?${new URLSearchParams({ client, provider })}`
}
