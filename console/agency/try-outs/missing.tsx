/** What is missing to call a service, and whom to ask for it. */
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { contractPath, stateName } from '../../kit/contract.tsx'
import { text } from '../../kit/text.ts'
import { type Access, type Offered, type Parties, serviceName } from './shapes.ts'

/**
 * Of a call the provider's server asks for a right, and where the instance says so for a contract besides.
 */
export function lacks(service: Offered, access: Access): 'right' | 'contract' | undefined {
  if (!service.allowed) return 'right'
  const holds = access.contracts.some(
    ({ state, services }) => state === 'ACTIVE' && services.includes(service.serviceCode),
  )
  return access.contractsRequired && !holds ? 'contract' : undefined
}

type Props = { parties: Parties; service: Offered; access: Access }

export function Missing({ parties: { client, provider: asked }, service, access }: Props) {
  const { contracts, contractsRequired, provider, contacts } = access
  const mayPropose = useMay('proposeContract')
  const naming = contracts.filter(({ services }) => services.includes(service.serviceCode))
  const terms = { provider: asked, consumer: client, service: service.serviceCode }
  const isNamed = naming.length > 0
  const needs = lacks(service, access)
  const whom = provider.name === null ? provider.id : `${provider.name} (${provider.id})`
  return (
    <section class="note inner">
      <h3>{text('tryOuts.missing', { service: serviceName(service) })}</h3>
      {needs === 'right' && <p>{text('tryOuts.needsRight', { client })}</p>}
      {isNamed && (
        <ul class="plain-list">
          {naming.map(({ contract, title, state }) => (
            <li key={contract}>
              {text(state === 'ACTIVE' ? 'tryOuts.contractHolds' : 'tryOuts.contractWaits', {
                state: stateName(state),
              })}{' '}
              <Link to={contractPath(contract)}>
                <bdi>{title}</bdi>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {!isNamed && contractsRequired && <p>{text('tryOuts.needsContract', { client })}</p>}
      {!isNamed && mayPropose && (
        <p>
          <Link to={`/contracts/propose?${new URLSearchParams(terms)}`}>{text('tryOuts.askByContract')}</Link>{' '}
          {needs === 'right' && text('tryOuts.rightBesides')}
        </p>
      )}
      <h4>{text('tryOuts.whom')}</h4>
      <p>
        <bdi>{text('tryOuts.administratorsOf', { whom })}</bdi>
      </p>
      {contacts.length > 0 && (
        <>
          <p>{text('tryOuts.contacts')}</p>
          <ul>
            {contacts.map(({ name, email }) => (
              <li key={email}>
                <bdi>{name}</bdi>{' '}
                <a href={`mailto:${encodeURIComponent(email)}`}>
                  <bdi class="wrap">{email}</bdi>
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  )
}
