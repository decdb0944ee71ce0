// A server behind the product, and what an agent needs to reach it.

/** A policy that refuses nothing. */
export const ALLOW_ALL = { version: '1', default: 'allow' };

/** Registers a server with a policy and a grant of its own, through the API alone. */
export async function behind(org, name, upstream, document = ALLOW_ALL) {
  const server = await org.made('/servers', { name, url: upstream });
  const policy = await org.made('/policies', { name, document });
  const grant = await org.made('/grants', {
    label: name, bindings: [{ server_id: server.id, policy_id: policy.id }],
  });
  return { server, url: `${org.base}/t/${org.slug}/${server.slug}/mcp`, token: grant.token };
}

