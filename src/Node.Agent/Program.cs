using Node.Agent.Commands;
using Settings;

CommandSet commands = new("relay-node", "Makes WireGuard peers without an endpoint reach each other: through a relay at once, directly as soon as it can be.", "NODE");
UpCommand.AddTo(commands);
StatusCommand.AddTo(commands);
StunCommand.AddTo(commands);
NetcheckCommand.AddTo(commands);
PortMapCommand.AddTo(commands);
return await ProgramRunner.RunAsync(commands, args);
