/** A security server as the registry's lists have it. */
export type Server = {
  id: string
  address: string
  createdAt: string
  certificates: string[]
  clients: string[]
}
