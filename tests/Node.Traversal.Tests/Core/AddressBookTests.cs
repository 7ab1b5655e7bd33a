using Addresses;
using Node.Traversal.Core;
using Relay.Protocol;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class AddressBookTests
{
    private static readonly NodeKey Ann = Keys(1).PublicKey;
    private static readonly NodeKey Bob = Keys(2).PublicKey;

    private readonly NodeContext _context = Context(9, Map());
    private readonly AddressBook _book;

    public AddressBookTests() => _book = new AddressBook(_context);

    [Fact]
    public void A_proven_address_is_told_once()
    {
        _book.HandleProven(Port(1), Ann, isAnswer: false);
        _book.HandleProven(Port(1), Ann, isAnswer: true);

        Assert.Equal([new NodeEvent.AddressLearnt(Port(1), Ann)], Events(_context));
    }

    [Fact]
    public void An_address_changes_hands_when_another_peer_answers_there()
    {
        _book.HandleProven(Port(1), Ann, isAnswer: false);
        _book.HandleProven(Port(1), Bob, isAnswer: false); // Anybody can write what source it likes.
        Assert.Equal([new NodeEvent.AddressLearnt(Port(1), Ann)], Events(_context));
        _book.HandleProven(Port(1), Bob, isAnswer: true);
        Assert.Equal([new NodeEvent.AddressLearnt(Port(1), Bob)], Events(_context));

        _book.Forget(Ann);
        Assert.Empty(Events(_context));
        _book.Forget(Bob);

        Assert.Equal([new NodeEvent.AddressForgotten(Port(1))], Events(_context));
    }

    [Fact]
    public void The_address_proven_least_recently_makes_room()
    {
        for (ushort i = 1; i <= AddressBook.MaxAddressesOfPeer; i++) _book.HandleProven(Port(i), Ann, isAnswer: false);
        _book.HandleProven(Port(1), Ann, isAnswer: false); // Proven anew: now the second is the oldest.
        Events(_context);

        _book.HandleProven(Port(100), Ann, isAnswer: false);

        Assert.Equal([new NodeEvent.AddressForgotten(Port(2)), new NodeEvent.AddressLearnt(Port(100), Ann)], Events(_context));
    }

    [Fact]
    public void A_removed_peer_has_no_addresses_and_may_come_back()
    {
        _book.HandleProven(Port(1), Ann, isAnswer: false);
        _book.HandleProven(Port(2), Ann, isAnswer: false);
        _book.HandleProven(Port(3), Bob, isAnswer: false);
        Events(_context);

        _book.Forget(Ann);
        _book.Forget(Ann);
        Assert.Equal([new NodeEvent.AddressForgotten(Port(1)), new NodeEvent.AddressForgotten(Port(2))], Events(_context));
        _book.HandleProven(Port(1), Ann, isAnswer: false);

        Assert.Equal([new NodeEvent.AddressLearnt(Port(1), Ann)], Events(_context));
    }

    private static TransportAddress Port(ushort port) => Address("198.18.2.2:1").WithPort(port);
}
