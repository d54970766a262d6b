/**
 * Trying a service: who asks whom, what there is and what may be called of it, a form for each operation, the
 * answer with its evidence.
 */
import { useState } from 'preact/hooks'
import { useAddress } from '../../kit/address.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import type { Values } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { locale, text } from '../../kit/text.ts'
import { Services } from './services.tsx'
import type { Parties, TryOuts } from './shapes.ts'

/** `turn` counts the questions: the same one asked again is another one. */
type Asked = { parties: Parties; turn: number }

export function TryServices() {
  const settings = useAnswer<TryOuts>('getTryOuts')
  const [asked, setAsked] = useState<Asked>()
  const find = (parties: Parties): void => setAsked((before) => ({ parties, turn: (before?.turn ?? 0) + 1 }))
  return (
    <Show of={settings} page="tryOuts.title">
      {(known) => (
        <>
          <Head title={text('tryOuts.title')} lead={<p>{text('tryOuts.lead')}</p>} />
          {known.clients.length === 0 ? (
            <Empty>
              <p>{text('tryOuts.off')}</p>
              <p>{text('tryOuts.offWhy')}</p>
            </Empty>
          ) : (
            <Who known={known} find={find} />
          )}
          {asked !== undefined && <Services key={asked.turn} parties={asked.parties} />}
        </>
      )}
    </Show>
  )
}

function Who({ known: { clients, providers }, find }: { known: TryOuts; find(parties: Parties): void }) {
  // A page that leads here may name both.
  const { query } = useAddress()
  const [client, provider] = [query.get('client') ?? '', query.get('provider') ?? '']
  const isAllowed = client === '' || clients.includes(client)
  const named = (id: string): string => {
    const name = providers.find((one) => one.id === id)?.name
    return name === undefined ? id : `${name} (${id})`
  }
  const send = async (values: Values): Promise<void> =>
    find({ client: String(values['client']), provider: String(values['provider']) })
  return (
    <Part title={text('tryOuts.who')}>
      {!isAllowed && (
        <div class="note">
          <p>
            <bdi class="wrap">{text('tryOuts.notAs', { client })}</bdi>
          </p>
          <p>{text('tryOuts.offWhy')}</p>
        </div>
      )}
      <Form
        fields={[
          {
            ...{ name: 'client', title: 'tryOuts.client', type: 'select' },
            // Another one than was meant is never chosen quietly.
            initial: isAllowed ? client || (clients[0] ?? '') : '',
            options: byTitle(clients.map((value) => ({ value, title: named(value) }))),
          },
          {
            ...{ name: 'provider', title: 'tryOuts.provider', type: 'select' },
            initial: providers.some(({ id }) => id === provider) ? provider : '',
            options: byTitle(providers.map(({ id }) => ({ value: id, title: named(id) }))),
          },
        ]}
        submit={text('tryOuts.find')}
        send={send}
      />
    </Part>
  )
}

function byTitle<T extends { title: string }>(options: T[]): T[] {
  return options.toSorted((one, other) => one.title.localeCompare(other.title, locale))
}
