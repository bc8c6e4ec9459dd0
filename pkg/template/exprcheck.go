package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template/parse"
)

// checker walks a tree before text/template may execute it. It refuses every node
// it does not know, so what a later Go adds is refused until somebody allows it.
type checker struct {
	expr      *Expr
	tree      *parse.Tree
	functions map[string]function
	err       error // the first
}

func (c *checker) refuse(n parse.Node, why string) {
	if c.err == nil {
		place, _ := c.tree.ErrorContext(n)
		c.err = c.expr.errorAt(place, why)
	}
}

// refuseNode quotes the node's source, cut short.
func (c *checker) refuseNode(n parse.Node, why string) {
	c.refuse(n, fmt.Sprintf("%.40s %s", n, why))
}

func (c *checker) check(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil { // as where there is no else
			for _, node := range n.Nodes {
				c.check(node)
			}
		}
	case *parse.TextNode, *parse.FieldNode, *parse.DotNode, *parse.StringNode, *parse.BoolNode:
	case *parse.VariableNode: // it is $: pipe refuses to declare others
	case *parse.NumberNode:
		c.number(n)
	case *parse.ActionNode:
		c.pipe(n.Pipe)
	case *parse.IfNode:
		c.branch(&n.BranchNode)
	case *parse.WithNode:
		c.branch(&n.BranchNode)
	case *parse.PipeNode:
		c.pipe(n)
	case *parse.ChainNode:
		c.check(n.Node)
	case *parse.IdentifierNode:
		c.function(n, 0)
	case *parse.RangeNode:
		c.refuse(n, "range is not part of expressions: they have no loops")
	default:
		c.refuseNode(n, "is not part of expressions")
	}
}

func (c *checker) branch(n *parse.BranchNode) {
	c.pipe(n.Pipe)
	c.check(n.List)
	c.check(n.ElseList)
}

func (c *checker) pipe(n *parse.PipeNode) {
	if len(n.Decl) > 0 {
		c.refuse(n, "variables are not part of expressions; $ is the whole row")
	}
	for i, command := range n.Cmds {
		first, args := command.Args[0], command.Args[1:]
		given := len(args)
		if i > 0 { // the value of the command before
			given++
		}
		if id, ok := first.(*parse.IdentifierNode); ok {
			c.function(id, given)
		} else if c.check(first); given > 0 {
			c.refuseNode(first, "is no function and takes no argument")
		}
		for _, arg := range args {
			c.check(arg)
		}
	}
}

func (c *checker) function(id *parse.IdentifierNode, given int) {
	fn, ok := c.functions[id.Ident]
	switch {
	case !ok:
		names := strings.Join(slices.Sorted(maps.Keys(c.functions)), ", ")
		c.refuse(id, fmt.Sprintf("no function is called %q; there are %s", id.Ident, names))
	case given < fn.min || fn.max > 0 && given > fn.max:
		c.refuse(id, id.Ident+" takes "+fn.usage)
	}
}

func (c *checker) number(n *parse.NumberNode) {
	switch {
	case n.Text[0] == '\'': // a character's number, which is never meant
		c.refuseNode(n, `must stand in double quotes: "…"`)
	case !n.IsInt && (!n.IsFloat || n.IsUint): // 1i, or more than an int holds
		c.refuseNode(n, "is not part of expressions")
	}
}
