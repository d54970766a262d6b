/** The page of one proposal at the registry. */
import { OneProposal } from '../../kit/one-proposal.tsx'
import { Content } from './content.tsx'

export function RegistryProposal({ params }: { params: Record<string, string> }) {
  return <OneProposal id={params['id']!} content={Content} />
}
