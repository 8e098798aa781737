/** Where to go after signing in: the page that asked for it, if it is one of ours. */
export function nextPath(query: { get(name: string): string | null }): string {
  const wanted = query.get('next') ?? '/'
  const target = URL.canParse(wanted, location.origin) ? new URL(wanted, location.origin) : undefined
  return target?.origin === location.origin ? target.pathname + target.search : '/'
}
