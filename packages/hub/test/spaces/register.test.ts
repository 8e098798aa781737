import { expect, test } from 'vitest'
import { createSpaceBody, spaceId } from '@websocket-spaces/protocol'
import { v7 as uuid } from 'uuid'
import { register } from '../../src/spaces/register.ts'
import { createSpaceStore } from '../../src/store/spaces.ts'
import { openAccounts, refusal, signInAdmin } from '../accounts/harness.ts'

test('an app that was let in is shown out when its token or its space went meanwhile', async () => {
  await using hub = await openAccounts()
  const { userId: ownerId } = (await signInAdmin(hub)).identity
  const store = createSpaceStore(hub.db)
  const space = { id: spaceId.parse(uuid()), ownerId, settings: createSpaceBody.parse({ name: 'Echo' }), at: Date.now() }
  expect(await store.insert(space, 10)).toBe(true)
  const { connectTokens } = hub.accounts
  const { id, token } = await connectTokens.create({ ownerId, space: null }, 'of the owner')
  const { checkAgain } = await register({ store, accounts: hub.accounts }, { space_name: 'Echo' }, { token, address: '127.0.0.1' })
  await checkAgain()
  await connectTokens.revoke({ id, ownerId })
  expect(await refusal(checkAgain())).toBe('token_revoked')
  await store.remove(space.id)
  expect(await refusal(checkAgain())).toBe('space_not_found')
})

test('one without a token, when registration is no longer open', async () => {
  await using hub = await openAccounts()
  const { userId: ownerId } = (await signInAdmin(hub)).identity
  const store = createSpaceStore(hub.db)
  const settings = createSpaceBody.parse({ name: 'Echo' })
  const space = { id: spaceId.parse(uuid()), ownerId, settings, at: Date.now() }
  expect(await store.insert(space, 10)).toBe(true)
  expect(await store.update(space.id, { open_registration: true }, Date.now())).toBe(true)
  const { checkAgain } = await register(
    { store, accounts: hub.accounts },
    { space_name: 'Echo' },
    { token: undefined, address: '127.0.0.1' },
  )
  await checkAgain()
  expect(await store.update(space.id, { open_registration: false }, Date.now())).toBe(true)
  expect(await refusal(checkAgain())).toBe('token_required')
})
