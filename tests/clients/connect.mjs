// Connects one of the TypeScript clients: node SCRIPT PACKAGE ERA TARGET. A target is {url} or {command, args, env}.

const [, , name, era, target] = process.argv;

const PLACES = {
  sdk: {
    client: '@modelcontextprotocol/sdk/client/index.js',
    stdio: '@modelcontextprotocol/sdk/client/stdio.js',
    http: '@modelcontextprotocol/sdk/client/streamableHttp.js',
  },
  client: {
    client: '@modelcontextprotocol/client',
    stdio: '@modelcontextprotocol/client/stdio',
    http: '@modelcontextprotocol/client',
  },
};

/** A line of JSON for the test to read. */
export function say(what) {
  console.log(JSON.stringify(what));
}

async function openTransport() {
  const { url, ...server } = JSON.parse(target);
  if (url) {
    const { StreamableHTTPClientTransport } = await import(PLACES[name].http);
    return new StreamableHTTPClientTransport(new URL(url));
  }
  const { StdioClientTransport } = await import(PLACES[name].stdio);
  return new StdioClientTransport({ ...server, stderr: 'inherit' });
}

export async function connect() {
  const { Client } = await import(PLACES[name].client);
  const client = new Client(
    { name: `typescript-${name}`, version: '1' },
    { versionNegotiation: { mode: era } }, // the older package knows one era, and no such option
  );
  const transport = await openTransport();
  await client.connect(transport);
  return client;
}

export function callTool(client, tool, args, options) {
  const asked = { name: tool, arguments: args };
  return name === 'sdk' ? client.callTool(asked, undefined, options) : client.callTool(asked, options);
}
