/** A certificate request: the authority and whom it is for are picked, the subject that its profile wants is checked, then made. */
import { useState } from 'preact/hooks'
import { Link } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Saved } from '../../kit/saved.tsx'
import { text } from '../../kit/text.ts'
import type { Client } from '../services/shapes.ts'
import { Id } from '../words.tsx'
import { DownloadRequest } from './download.tsx'
import { pemFile } from './files.ts'
import { type Key, keyName, keyPath, type SubjectField } from './shapes.ts'
import { subjectField, subjectOf } from './subject.ts'

type Authority = { name: string; authenticationOnly: boolean; certificateProfileInfo: string }
type Wanted = { caName: string; memberId?: string; dnsName?: string }
type Made = { id: string; keyId: string; pem: string }

export function RequestPage({ params }: { params: Record<string, string> }) {
  const key = useAnswer<Key>('getKey', { params: { keyId: params['id'] ?? '' } })
  return (
    <Show of={key} page="certs.makeRequest">
      {(found) => (
        <>
          <Head
            title={text('certs.makeRequestFor', { name: keyName(found) })}
            lead={text('certs.makeRequestLead')}
            acts={<Link to={keyPath(found.id)}>{text('rights.backTo', { name: keyName(found) })}</Link>}
          />
          <Steps of={found} />
        </>
      )}
    </Show>
  )
}

function Steps({ of }: { of: Key }) {
  const { api, signedOut } = useConsole()
  const announce = useAnnounce()
  const authorities = useAnswer<Authority[]>('getApprovedCertificateAuthorities')
  const clients = useAnswer<Client[]>('findClients', { query: { limit: '500' } })
  const status = useAnswer<{ serverId: string; address?: string }>('getInitializationStatus')
  const [subject, setSubject] = useState<{ of: Wanted; fields: SubjectField[] }>()
  const [made, setMade] = useState<Made>()
  const step = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act()
    } catch (cause) {
      if (cause instanceof ApiFault && cause.status === 401) return signedOut()
      throw cause
    }
  }
  const propose = (values: Values) =>
    step(async () => {
      const given = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, String(value).trim()]),
      ) as Wanted
      const { caName, ...query } = given
      const { data } = await api.call<SubjectField[]>('getSubjectFieldDescriptions', {
        params: { caName },
        query: { usage: of.usage, ...query },
      })
      setMade(undefined)
      setSubject({ of: given, fields: data })
      announce(text('certs.subjectShown'))
    })
  const make = (values: Values) =>
    step(async () => {
      const { data } = await api.call<Made>('generateCsr', {
        params: { keyId: of.id },
        body: { ...subject!.of, subject: subjectOf(subject!.fields, values) },
      })
      setMade(data)
      announce(text('certs.requestMade'))
    })
  return (
    <Show of={authorities}>
      {(all) => {
        const usable = all.filter((one) => of.usage === 'AUTHENTICATION' || !one.authenticationOnly)
        if (usable.length === 0)
          return (
            <Empty>
              <p>{text('certs.noAuthority')}</p>
            </Empty>
          )
        return (
          <Show of={clients}>
            {(own) => (
              <Show of={status}>
                {({ serverId, address }) => (
                  <>
                    <Part title={text('certs.stepWhom')}>
                      <Form
                        fields={fieldsOf(of, usable, own, serverId, address)}
                        submit={text('certs.showSubject')}
                        send={propose}
                      />
                    </Part>
                    {subject !== undefined && (
                      <Part title={text('certs.stepSubject')}>
                        {/* The choice above may have changed since: this is for whom the request is made. */}
                        {subject.of.memberId !== undefined && (
                          <Facts of={[['certs.signsFor', <Id key="member" of={subject.of.memberId} />]]} />
                        )}
                        <p>{text('certs.subjectLead')}</p>
                        <Form
                          key={JSON.stringify(subject)}
                          fields={subject.fields.map(subjectField)}
                          submit={text('certs.makeRequest')}
                          send={make}
                        />
                      </Part>
                    )}
                    {made !== undefined && <Result of={made} name={keyName(of)} />}
                  </>
                )}
              </Show>
            )}
          </Show>
        )
      }}
    </Show>
  )
}

function fieldsOf(
  { usage }: Key,
  authorities: Authority[],
  clients: Client[],
  serverId: string,
  address: string | undefined,
): Field[] {
  const ca: Field = {
    ...{ name: 'caName', title: 'certs.authority', hint: 'certs.authorityHint', type: 'select' },
    initial: authorities[0]?.name ?? '',
    options: authorities.map(({ name }) => ({ value: name, title: name })),
  }
  if (usage === 'AUTHENTICATION')
    return [
      ca,
      {
        ...{ name: 'dnsName', title: 'certs.dnsName', hint: 'certs.dnsNameHint' },
        ...{ initial: address ?? '', maxLength: 253 },
      },
    ]
  const owner = serverId.split(':').slice(0, 3).join(':')
  const names = new Map<string, string | undefined>([[owner, undefined]])
  for (const { id, memberName } of clients) names.set(id.split(':').slice(0, 3).join(':'), memberName)
  return [
    ca,
    {
      ...{
        name: 'memberId',
        title: 'certs.member',
        hint: 'certs.memberHint',
        type: 'select',
        initial: owner,
      },
      options: [...names].map(([value, name]) => ({
        value,
        title: [name, value].filter(Boolean).join(', '),
      })),
    },
  ]
}

function Result({ of, name }: { of: Made; name: string }) {
  const [file] = useState(() => pemFile(`${name.replace(/[^\w.-]+/g, '-')}-request`, of.pem))
  return (
    <Part
      title={text('certs.requestMade')}
      acts={<DownloadRequest params={{ keyId: of.keyId, csrId: of.id }} />}
    >
      <Saved file={file} />
      <p>{text('certs.requestNext')}</p>
      <textarea class="raw" rows={8} readOnly aria-label={text('certs.request')} value={of.pem} />
      <p>
        <Link to={keyPath(of.keyId)}>{text('rights.backTo', { name })}</Link>
      </p>
    </Part>
  )
}
