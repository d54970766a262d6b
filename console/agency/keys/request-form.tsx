/**
 * A certificate request: the authority and whom it is for are picked, the subject that its profile wants is
 * checked, then made.
 */
import { useState } from 'preact/hooks'
import { Link } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Facts } from '../../kit/facts.tsx'
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
import { keyPath, type SubjectField, type Token, type Usage } from './shapes.ts'
import { subjectField, subjectOf } from './subject.ts'

type Authority = { name: string; authenticationOnly: boolean; certificateProfileInfo: string }
type Wanted = { caName: string; memberId?: string; dnsName?: string }
type Made = { id: string; keyId: string; pem: string }

type Props = {
  usage: Usage
  /** Of the key, and of the file. */
  name: string
  /** Without one, the key is made with the request, for the owner of the server. */
  keyId?: string
  /** The name of the server that is proposed while the registry knows none. */
  address?: string | undefined
  /** Called when the request was made. */
  then?(): void
}

export function RequestForm(q: Props) {
  const { usage, keyId } = q
  const authorities = useAnswer<Authority[]>('getApprovedCertificateAuthorities')
  const clients = useAnswer<Client[]>('findClients', { query: { limit: '500' } })
  const status = useAnswer<{ serverId: string; address?: string }>('getInitializationStatus')
  const tokens = useAnswer<Token[]>('getTokens')
  return (
    <Show of={authorities}>
      {(all) => {
        const usable = all.filter((one) => usage === 'AUTHENTICATION' || !one.authenticationOnly)
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
                  <Show of={tokens}>
                    {(places) => {
                      const members = membersOf(serverId, keyId === undefined ? [] : own)
                      const at = address ?? q.address
                      const fields = fieldsOf({ usage, authorities: usable, members, address: at })
                      return (
                        <Steps
                          {...q}
                          fields={keyId === undefined ? [...placeFields(usage, places), ...fields] : fields}
                        />
                      )
                    }}
                  </Show>
                )}
              </Show>
            )}
          </Show>
        )
      }}
    </Show>
  )
}

function Steps({ usage, name, keyId, fields, then }: Props & { fields: Field[] }) {
  const { api } = useConsole()
  const announce = useAnnounce()
  const [subject, setSubject] = useState<{ of: Wanted; tokenId: string; fields: SubjectField[] }>()
  const [made, setMade] = useState<Made>()
  const propose = async (values: Values): Promise<void> => {
    const { tokenId = SOFTWARE_TOKEN, ...given } = Object.fromEntries(
      Object.entries(values).map(([field, value]) => [field, String(value).trim()]),
    )
    const { caName, ...query } = given as Wanted
    const { data } = await api.call<SubjectField[]>('getSubjectFieldDescriptions', {
      params: { caName },
      query: { usage, ...query },
    })
    setMade(undefined)
    setSubject({ of: { caName, ...query }, tokenId, fields: data })
    announce(text('certs.subjectShown'))
  }
  const ask = async (csr: object): Promise<Made> => {
    if (keyId !== undefined)
      return (await api.call<Made>('generateCsr', { params: { keyId }, body: csr })).data
    const { data } = await api.call<{ csr: Made }>('addKeyAndCsr', {
      params: { tokenId: subject!.tokenId },
      body: { key: { usage, label: name }, csr },
    })
    return data.csr
  }
  const make = async (values: Values): Promise<void> => {
    setMade(await ask({ ...subject!.of, subject: subjectOf(subject!.fields, values) }))
    announce(text('certs.requestMade'))
    then?.()
  }
  return (
    <>
      <h3>{text('certs.stepWhom')}</h3>
      <Form fields={fields} submit={text('certs.showSubject')} send={propose} />
      {subject !== undefined && (
        <>
          <h3>{text('certs.stepSubject')}</h3>
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
        </>
      )}
      {made !== undefined && <Result of={made} name={name} />}
    </>
  )
}

const SOFTWARE_TOKEN = '0'

/** A choice only where there is one: keys for connections lie in the software token. */
function placeFields(usage: Usage, tokens: Token[]): Field[] {
  const open = tokens.filter(({ loggedIn }) => loggedIn)
  if (usage === 'AUTHENTICATION' || open.length < 2) return []
  return [
    {
      ...{ name: 'tokenId', title: 'certs.place', type: 'select', initial: open[0]?.id ?? '' },
      options: open.map(({ id, name }) => ({ value: id, title: name })),
    },
  ]
}

type Member = { id: string; name?: string | undefined }

/** The owner first, then the members of clients. */
function membersOf(serverId: string, clients: Client[]): Member[] {
  const memberOf = (id: string): string => id.split(':').slice(0, 3).join(':')
  const names = new Map<string, string | undefined>([[memberOf(serverId), undefined]])
  for (const { id, memberName } of clients) names.set(memberOf(id), memberName)
  return [...names].map(([id, name]) => ({ id, name }))
}

/** A certificate with an IP address in the place of a name is trusted by nobody (RFC 5280, 4.2.1.6). */
const isAddress = (text: string): boolean => /^[\d.]+$|:/.test(text)

function fieldsOf(q: {
  usage: Usage
  authorities: Authority[]
  members: Member[]
  address: string | undefined
}): Field[] {
  const { usage, authorities, members, address } = q
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
        ...{ initial: address === undefined || isAddress(address) ? '' : address, maxLength: 253 },
        check: (value) => (isAddress(value.trim()) ? text('certs.dnsNameIsAddress') : undefined),
      },
    ]
  return [
    ca,
    {
      ...{ name: 'memberId', title: 'certs.member', hint: 'certs.memberHint', type: 'select' },
      initial: members[0]?.id ?? '',
      options: members.map(({ id, name }) => ({ value: id, title: [name, id].filter(Boolean).join(', ') })),
    },
  ]
}

function Result({ of, name }: { of: Made; name: string }) {
  const [file] = useState(() => pemFile(`${name.replace(/[^\w.-]+/g, '-')}-request`, of.pem))
  return (
    <>
      <h3>{text('certs.requestMade')}</h3>
      <Saved file={file} />
      <p>{text('certs.requestNext')}</p>
      <textarea class="raw" rows={8} readOnly aria-label={text('certs.request')} value={of.pem} />
      <div class="acts inner">
        <DownloadRequest params={{ keyId: of.keyId, csrId: of.id }} />
        <Link to={keyPath(of.keyId)}>{text('rights.backTo', { name })}</Link>
      </div>
    </>
  )
}
